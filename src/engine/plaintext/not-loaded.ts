import type { Need } from './extent.ts'

/**
 * Thrown when a computation looks at keys, or parts of a key, that it did not name in advance: it is run
 * again with these loaded.
 */
export class NotLoaded extends Error {
  /** `all-names`: which keys there are. */
  readonly needs: readonly Need[] | 'all-names'
  constructor(needs: readonly Need[] | 'all-names') {
    super('a key was not loaded')
    this.needs = needs
  }
}

/**
 * What a computation waited for could not be read: the job that it happened in fails with `reason`, whatever
 * it would do with an error of its own.
 */
export class ReadFailed extends Error {
  readonly reason: Error

  constructor(reason: Error) {
    super('a key could not be read')
    this.reason = reason
  }
}
