import type { Need } from './extent.ts'

/** `all-names`: which keys there are; `listeners`: who listens to messages; `info`: INFO's sections. */
export type Needs = readonly Need[] | 'all-names' | 'listeners' | 'info'

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
