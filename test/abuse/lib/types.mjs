// Shapes that the files of this folder share. Types only: nothing here runs.

/**
 * A server under attack: ports of its doors, and its process.
 * @typedef {object} Doors
 * @property {number} port Redis clients
 * @property {number} httpPort REST
 * @property {number} adminPort health
 */

/**
 * What the holder of a token may do; `none`: it has no token at all.
 * @typedef {'kv' | 'kv:read' | 'none'} Scope
 */

/** @typedef {import('./context.mjs').Context} Context */

/**
 * One attack. `setup` fills the store of the abuser before anything is measured, always with a token that may
 * write; `attack` goes on until `context.signal` is aborted, and may return earlier when nothing is left.
 * @typedef {object} Row
 * @property {string} name
 * @property {string} title what is sent, in one line
 * @property {'resp' | 'rest' | 'both'} door
 * @property {Scope} scope
 * @property {number} [least] seconds, where the beginning takes long
 * @property {(context: Context) => Promise<void>} [setup]
 * @property {(context: Context) => Promise<void>} attack
 */

/**
 * Latencies in ms. A request that was due while an earlier one was not answered counts from the moment
 * when it was due.
 * @typedef {object} Latency
 * @property {number} count
 * @property {number} p50
 * @property {number} p99
 * @property {number} max
 */

/**
 * What the neighbour met in one phase.
 * @typedef {object} Neighbour
 * @property {Latency} get
 * @property {Latency} set
 * @property {Latency} rest
 * @property {Latency} login a new connection, AUTH and PING
 * @property {Latency} health
 * @property {number} wrong answers that differ from what was stored
 * @property {number} errors error replies, statuses other than 200, connections that were lost
 * @property {number} refused logins that failed
 * @property {number} unanswered requests that had no answer when the measuring ended
 * @property {number} ownLag longest stall of the neighbour's own event loop, ms
 * @property {string[]} samples first texts of errors
 */

/**
 * Bytes of the server's process(es) and of the Redis.
 * @typedef {object} Memory
 * @property {number} residentBefore
 * @property {number} residentPeak
 * @property {number} residentAfter when the abuser has been gone for some seconds
 * @property {number} redisBefore
 * @property {number} redisPeak
 * @property {number} redisAfter
 * @property {number} keys in the Redis at the end
 * @property {number} redisStall longest wait of an INFO on a connection to the Redis itself, ms
 */

/**
 * What the abuser did.
 * @typedef {object} Counters
 * @property {number} opened connections that logged in
 * @property {number} refused connections that could not be opened, or could not log in
 * @property {number} lost connections that the server ended
 * @property {number} replies
 * @property {number} errors error replies, and statuses from 400
 * @property {number} sent bytes
 * @property {number} received bytes
 * @property {number} rounds how often the attack began
 * @property {string[]} samples first texts of errors
 * @property {Record<string, number>} figures what a row reports by itself
 */

/**
 * The result of one row.
 * @typedef {object} Result
 * @property {string} name
 * @property {string} title
 * @property {string} door
 * @property {string} scope
 * @property {number} processes
 * @property {number} seconds
 * @property {Neighbour} during
 * @property {Neighbour} after
 * @property {Memory} memory
 * @property {Counters} abuser
 * @property {number} abuserCpu share of one core that the load generator used
 * @property {string} [ended] why the server ended, when it did
 * @property {string} [failed] what kept the row from being measured
 */

export {}
