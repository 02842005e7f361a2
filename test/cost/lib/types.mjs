// Types of the cost search.

/** @typedef {(string | number | Buffer)[]} Command */

/**
 * What is sent: RESP bytes that bring so many replies, or one REST request.
 * @typedef {{ door: 'resp', bytes: Buffer, replies: number }
 *   | { door: 'rest', method: string, path: string, body?: string }} Request
 */

/**
 * Something whose cost may grow as its size does, and no faster.
 * @typedef {object} Case
 * @property {string} name
 * @property {string} grows what does
 * @property {readonly number[]} sizes at least 3, each as many times the one before
 * @property {boolean} [isNumber] a size is a number in the request, and larger ones are hardly longer
 * @property {string} [known] why it grows faster, where that is known: it is shown, and no finding
 * @property {(size: number) => readonly Command[]} [setup] what is stored before
 * @property {(size: number) => Request} request
 */

/**
 * What one request cost.
 * @typedef {object} Cost
 * @property {number} work bytes sent, bytes received, and bytes that the automation is charged with
 * @property {number} main microseconds of the server's main thread
 * @property {number} threads microseconds of the server, with its other threads
 * @property {number} redis microseconds of the Redis
 * @property {number} wire bytes between the server and the Redis
 * @property {number} held bytes more on the server's heap after it
 * @property {string | undefined} error its error reply
 */

/** @typedef {Exclude<keyof Cost, 'work' | 'error'>} Resource */

export {}
