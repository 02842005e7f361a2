import { KvError } from '../../errors/errors.ts'
import { connection } from '../../registry/row.ts'
import { OK } from '../../reply/reply.ts'

export const MONITOR = connection({
  name: 'monitor',
  arity: 1,
  flags: 'admin noscript loading stale',
  group: 'server',
  right: 'kv:read',
  since: '1.0.0',
  // What is shown comes behind the replies to what was asked before.
  exclusive: true,
  syntax: '',
  summary: 'Shows the commands of the automation to this process, as they are run.',
  run: () => {
    throw new KvError('monitor_in_transaction')
  },
  handle: (session) => {
    // Asked again, Redis does not answer at all.
    if (session.isMonitor) return undefined
    session.monitor()
    return OK
  },
})
