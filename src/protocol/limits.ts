/**
 * All sizes in bytes. Before login the first excess ends the connection, as in Redis since CVE-2021-32675.
 */
export interface FrameLimits {
  readonly maxArgs: number
  /** Longest bulk that is stored; after login a longer one costs only its own command. */
  readonly maxBulkBytes: number
  /** Longest bulk that is even drained: above it the connection ends, as at Redis's proto-max-bulk-len. */
  readonly hardBulkBytes: number
  /** Longest whole request, headers included. */
  readonly maxFrameBytes: number
  /** Longest inline request, and longest `*` or `$` header line. */
  readonly maxInlineBytes: number
  readonly authenticated: boolean
  /**
   * Requests that one `frames` event may hold. Default: 256, and 1 before login, since any command may be the
   * one that logs in.
   */
  readonly maxFramesPerEvent?: number
}

export const UNAUTHENTICATED_LIMITS: FrameLimits = Object.freeze({
  maxArgs: 10,
  maxBulkBytes: 16 * 1024,
  hardBulkBytes: 512 * 1024 * 1024,
  maxFrameBytes: 48 * 1024,
  maxInlineBytes: 48 * 1024,
  authenticated: false,
})
