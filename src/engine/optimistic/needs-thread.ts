/**
 * Thrown by a computation that takes too long for the thread that serves sockets: it is run again elsewhere.
 */
export class NeedsThread extends Error {
  constructor() {
    super('it takes too long here')
  }
}
