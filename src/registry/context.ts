import type { Identity } from '../auth/identity.ts'
import type { Automation } from '../automation/automation.ts'
import type { PendingWrites } from '../engine/store.ts'
import type { Protocol } from '../protocol/encode.ts'
import type { RunServices, Services } from '../session/services.ts'

/** On whose behalf a command runs, and with what. */
export interface RunContext {
  readonly identity: Identity
  readonly automation: Automation
  readonly services: RunServices
  /** It is called by a script. */
  readonly inScript?: boolean
}

/** The same for what may also be answered directly. */
export interface ServiceContext extends RunContext {
  readonly services: Services
  /** Of its connection: a reply that another thread makes comes as bytes of it. */
  readonly protocol?: Protocol
  /** Told the version of a write request that changed something, when its connection asks for it. */
  readonly wrote?: ((version: number) => void) | undefined
  /** Takes what scripts call, when somebody looks on. */
  readonly traced?: ((calls: readonly (readonly Buffer[])[]) => void) | undefined
}

/** One command on data on its way through the pipeline. */
export interface Call extends ServiceContext {
  /** The command's name first. */
  readonly args: readonly Buffer[]
  /**
   * What its connection has gathered and not sent yet, if later commands of the connection may overtake it.
   */
  readonly pendingWrites?: PendingWrites
  /** Whether its client has hung up, or is to be answered now: a command that waits ends then. */
  readonly isGone?: () => boolean
  /**
   * Whether a direct write that was not made may be computed yet, without what its connection sent later
   * having overtaken it: asked with its ordinal on the connection.
   */
  readonly mayStillCompute?: (ordinal: number) => boolean
  readonly ordinal?: number
  /**
   * Called around the time that the command is computed, which takes more than one round trip. `inPlace`:
   * after `mayStillCompute`.
   */
  readonly computing?: (inPlace?: boolean) => void
  readonly computed?: () => void
}
