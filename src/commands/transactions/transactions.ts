import { KvError } from '../../errors/errors.ts'
import { ALL_KEYS, connection } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'

function exec({ transaction }: Session): Promise<Reply> {
  if (transaction.queued === undefined) throw new KvError('exec_without_multi')
  if (transaction.broken) {
    transaction.end()
    throw new KvError('exec_aborted')
  }
  const result = transaction.execute()
  transaction.end()
  return result
}

const group = 'transactions'

export const TRANSACTIONS = [
  connection({
    name: 'multi',
    arity: 1,
    flags: 'noscript loading stale fast allow_busy',
    group,
    since: '1.2.0',
    immediate: true,
    syntax: '',
    summary: 'Begins a transaction: what follows is queued until EXEC.',
    handle: ({ transaction }) => {
      if (transaction.queued !== undefined) throw new KvError('nested_multi')
      transaction.begin()
      return OK
    },
  }),
  connection({
    name: 'exec',
    arity: 1,
    flags: 'noscript loading stale skip_slowlog',
    group,
    since: '1.2.0',
    immediate: true,
    endsTransaction: true,
    computes: true,
    syntax: '',
    summary: 'Runs the queued commands as one, unless a watched key was touched.',
    complexity: 'depends on the queued commands',
    handle: exec,
  }),
  connection({
    name: 'discard',
    arity: 1,
    flags: 'noscript loading stale fast allow_busy',
    group,
    since: '2.0.0',
    immediate: true,
    syntax: '',
    summary: 'Forgets the queued commands and the watched keys.',
    complexity: 'O(N) in the number of queued commands',
    handle: ({ transaction }) => {
      if (transaction.queued === undefined) throw new KvError('discard_without_multi')
      transaction.end()
      return OK
    },
  }),
  connection({
    name: 'watch',
    arity: -2,
    flags: 'noscript loading stale fast allow_busy',
    group,
    since: '2.2.0',
    keys: ALL_KEYS,
    immediate: true,
    exclusive: true,
    syntax: 'key [key ...]',
    summary: 'Makes the next EXEC depend on these keys staying as they are.',
    complexity: 'O(N) in the number of keys',
    handle: ({ transaction }, args) => {
      if (transaction.queued !== undefined) throw new KvError('watch_in_multi')
      return transaction.watch(args.slice(1)).then(() => OK)
    },
  }),
  connection({
    name: 'unwatch',
    arity: 1,
    flags: 'noscript loading stale fast allow_busy',
    group,
    since: '2.2.0',
    syntax: '',
    summary: 'Forgets the watched keys.',
    handle: ({ transaction }) => {
      transaction.unwatch()
      return OK
    },
  }),
]
