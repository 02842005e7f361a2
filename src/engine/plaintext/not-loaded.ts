import type { Need } from './extent.ts'

/**
 * `all-names`: which keys there are; `listeners`: who listens to messages; `info`: INFO's sections;
 * `libraries`: those of functions.
 */
export type Needs = readonly Need[] | 'all-names' | OutsideNeed
/** What is not about keys. */
export type OutsideNeed = 'listeners' | 'info' | 'libraries'

/**
 * Thrown when a computation looks at keys, or parts of a key, that it did not name in advance: it is run
 * again with these loaded.
 */
export class NotLoaded extends Error {
  readonly needs: Needs
  constructor(needs: Needs) {
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

/** What has been found; throws NotLoaded when it has to be asked for. */
export function known<T>(found: T | undefined, needs: OutsideNeed): T {
  if (found === undefined) throw new NotLoaded(needs)
  return found
}
