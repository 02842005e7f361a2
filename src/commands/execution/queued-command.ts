import type { ConnectionRow, DataRow, KeyspaceRow } from '../../registry/row.ts'

/** A command between MULTI and EXEC. */
export interface QueuedCommand {
  readonly row: DataRow | KeyspaceRow | ConnectionRow
  readonly args: readonly Buffer[]
}
