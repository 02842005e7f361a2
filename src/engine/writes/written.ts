/** What a write request left behind. */
export interface Written {
  /** The automation's version after it. */
  readonly version: number
  /** The backing Redis's clock, milliseconds since the epoch. */
  readonly now: number
  /** How many keys it created. */
  readonly created: number
  /** Whether it changed anything: only then the version is its own. */
  readonly changed: boolean
}

/** For a request that failed. */
export const NOTHING_WRITTEN: Written = { version: 0, now: 0, created: 0, changed: false }
