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
