import { keyIndexes } from '../../gate/key-spec.ts'
import type { ServedRow } from '../../registry/command-table.ts'
import type { ClientTracking } from '../../session/client-tracking.ts'
import type { QueuedCommand } from './queued-command.ts'

/**
 * Notes the keys that a command is about to read, or the commands of a transaction that it ends. Of a script
 * these are its declared keys, as in Redis 7.0, also when it only writes them.
 */
export function trackReads(
  tracking: ClientTracking,
  row: ServedRow,
  args: readonly Buffer[],
  queued: readonly QueuedCommand[],
): void {
  if (row.kind === 'data') {
    if (tracking.tracksReads) note(tracking, namesRead(row, args))
  } else if (row.kind === 'connection' && row.endsTransaction === true) {
    if (tracking.options.isBroadcast) return
    // A command on the connection may be CLIENT CACHING: then all that is read is noted.
    if (tracking.tracksReads || queued.some((each) => each.row.kind === 'connection'))
      note(
        tracking,
        queued.flatMap((each) => namesRead(each.row, each.args)),
      )
  }
}

function note(tracking: ClientTracking, names: readonly Buffer[]): void {
  if (names.length > 0) tracking.reads(names)
}

function namesRead(row: QueuedCommand['row'], args: readonly Buffer[]): Buffer[] {
  if (row.kind !== 'data' || (!row.flags.includes('readonly') && row.script === undefined)) return []
  return keyIndexes(row, args).map((index) => args[index]!)
}
