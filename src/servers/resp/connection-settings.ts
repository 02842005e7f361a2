import type { HeldBytes } from '../../fair-share/held-bytes.ts'
import type { SharedBacking } from '../../fair-share/shared-backing.ts'
import type { Turns } from '../../fair-share/turns.ts'
import type { Log } from '../../observability/log.ts'
import type { FrameLimits } from '../../protocol/limits.ts'
import type { SessionContext } from '../../session/session.ts'

/** What all connections of a server have in common. */
export interface ConnectionSettings {
  readonly context: SessionContext
  readonly log: Log
  readonly turns: Turns
  readonly room: SharedBacking
  readonly held: HeldBytes
  readonly limits: FrameLimits
  readonly loginTimeoutMs: number
  /** Unsent bytes at which a client that listens to channels is cut. */
  readonly maxBacklogBytes: number
}
