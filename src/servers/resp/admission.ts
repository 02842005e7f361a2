import { lookUp } from '../../commands/commands.ts'
import type { ConnectionRow, DataRow, KeyspaceRow } from '../../commands/registry/row.ts'
import { KvError, respError } from '../../errors/errors.ts'
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
    if (row.kind !== 'connection' || row.whileSubscribed !== true) throw respError(onlyListening(row.name))
  }
  return row
}

/** Between MULTI and EXEC. */
export const isQueued = (session: Session, row: ServedRow): boolean =>
  session.transaction.queue !== undefined && !(row.kind === 'connection' && row.immediate === true)

/** Redis says at EXEC whatever it refuses in the form of a failed transaction (afterErrorReply, execCommandAbort). */
const onlyListening = (name: string): string =>
  `${name === 'exec' ? 'EXECABORT Transaction discarded because of:' : 'ERR'} Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`
