import type { Change } from './change.ts'

/** A connection that tracks keys. */
export interface Tracker {
  /** False: it needs to be told of nothing any more. */
  readonly isEnabled: boolean
  /** It is not told of all changes: not of its own, or of none in RESP2. */
  readonly missesChanges: boolean
  /**
   * What it may have is out of date: these keys, or (undefined) everything. It is told behind all that it has
   * asked so far: replies that are on their way may hold what was there before.
   */
  tell(changes: readonly Change[] | undefined): void
}
