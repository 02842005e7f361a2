import { COMMANDS } from '../../commands/table.ts'
import { KvError } from '../../errors/errors.ts'
import { refusalOf, type ServedRow } from '../../registry/command-table.ts'
import { mayWrite } from '../../registry/may-write.ts'
import type { Session } from '../../session/session.ts'

/**
 * The row of a command, if this session may ask for it `now`, ms since the epoch; throws what Redis answers
 * otherwise.
 */
export function admit(session: Session, args: readonly Buffer[], now: number): ServedRow {
  const { gate } = session.context
  const row = COMMANDS.lookUp(args)
  const isOpen = session.identity === undefined && row.flags.includes('no_auth')
  const identity = isOpen ? undefined : gate.enter(session.identity, now)
  if (session.protocol === 2 && session.subscribed && !isQueued(session, row)) {
    if (row.kind !== 'connection' || row.whileSubscribed !== true)
      throw refusalOf(row, new KvError('only_listening', { command: row.name }))
  }
  if (session.isMonitor && usesKeyspace(row)) throw refusalOf(row, new KvError('monitor_keyspace'))
  if (identity !== undefined) gate.allow(identity, row, args)
  return row
}

/** Redis takes a monitor for a replica. */
const usesKeyspace = (row: ServedRow): boolean => row.flags.includes('readonly') || mayWrite(row)

/** Between MULTI and EXEC. */
export const isQueued = (session: Session, row: ServedRow): boolean =>
  session.transaction.queued !== undefined && !(row.kind === 'connection' && row.immediate === true)
