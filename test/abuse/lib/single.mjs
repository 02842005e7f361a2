// One connection that keeps a number of GETs on their way, in a thread of its own.
import { parentPort, workerData } from 'node:worker_threads'
import { encode } from '../../../bench/lib/client.mjs'
import { noCounters, Peer } from './peer.mjs'

const { port, password, depth } = /** @type {{ port: number, password: string, depth: number }} */ (
  workerData
)
const counters = noCounters()
const peer = await Peer.open({ port, password, counters, signal: new AbortController().signal })
setInterval(() => parentPort?.postMessage(counters.replies), 50)
const get = encode(['GET', 'key'])
/** As many again as were answered. */
const next = () =>
  peer.expect(1, () => {
    peer.write(get)
    next()
  })
next()
peer.write(Buffer.concat(Array(depth).fill(get)))
