import type { DataRow, KeyspaceRow } from './row.ts'
import type { Identity } from '../../auth/tokens.ts'
import type { PendingWrites, Store } from '../../engine/store.ts'
import type { Automation } from '../../automation/automation.ts'

/** On whose behalf a computed command runs: what EVAL needs besides the data. */
export interface RunContext extends Pick<Call, 'identity' | 'automation' | 'store'> {
  /** It is called by a script. */
  readonly inScript?: boolean
}

/** One data command on its way through the pipeline. */
export interface Call {
  readonly row: DataRow | KeyspaceRow
  /** The command's name first. */
  readonly args: readonly Buffer[]
  readonly identity: Identity
  readonly automation: Automation
  readonly store: Store
  /** The connection that it came from, if its later commands may overtake it. */
  readonly pendingWrites?: PendingWrites
  /** Called around the time that the command is computed, which takes more than one round trip. */
  readonly computing?: () => void
  readonly computed?: () => void
}
