import { lookUp } from '../../commands/commands.ts'
import type { ConnectionRow, DataRow, KeyspaceRow } from '../../commands/registry/row.ts'
import { KvError } from '../../errors/errors.ts'
import type { Session } from '../../session/session.ts'

export type ServedRow = DataRow | KeyspaceRow | ConnectionRow

/** The row of a command, if this session may ask for it now; throws what Redis answers otherwise. */
export function admit(session: Session, args: readonly Buffer[]): ServedRow {
  const row = lookUp(args)
  if (session.identity === undefined) {
    if (!row.flags.includes('no_auth')) throw new KvError('noauth')
  } else if (session.expired) {
    throw new KvError('token_expired')
  }
  if (session.protocol === 2 && session.subscribed && !isQueued(session, row)) {
    if (row.kind !== 'connection' || row.whileSubscribed !== true) throw onlyListening(row.name)
  }
  return row
}

/** Between MULTI and EXEC. */
export const isQueued = (session: Session, row: ServedRow): boolean =>
  session.transaction.queue !== undefined && !(row.kind === 'connection' && row.immediate === true)

const onlyListening = (command: string): KvError =>
  command === 'exec' ? new KvError('exec_only_listening') : new KvError('only_listening', { command })
