// One result as lines for the terminal.
import { short } from '../../../bench/lib/statistics.mjs'
import { shown } from '../../load/lib/page.mjs'

const bytes = (/** @type {number} */ value) => shown(value, 'bytes')

/** p50, p99, max. */
const times = (/** @type {import('./types.mjs').Latency} */ { p50, p99, max }) =>
  [p50, p99, max].map((value) => short(value)).join('/')

/** @param {import('./types.mjs').Result} result */
export const line = ({ name, during, after, memory, abuser, abuserCpu, ended, failed }) => {
  const figures = Object.entries(abuser.figures).map(([what, value]) => `${what} ${short(value)}`)
  const parts = [
    `GET ${times(during.get)} SET ${times(during.set)}`,
    `REST ${times(during.rest)} login ${times(during.login)}`,
    `health ${short(during.health.max)} ms`,
    `wrong ${during.wrong + after.wrong} errors ${during.errors + after.errors}`,
    `refused ${during.refused + after.refused} open ${during.unanswered + after.unanswered}`,
    `resident ${[memory.residentBefore, memory.residentPeak, memory.residentAfter].map(bytes).join(' > ')}`,
    `Redis ${[memory.redisBefore, memory.redisPeak, memory.redisAfter].map(bytes).join(' > ')}`,
    `${memory.keys} keys, stalled ${short(memory.redisStall)} ms`,
    `abuser ${short(abuserCpu)} cores, sent ${bytes(abuser.sent)}`,
    `${abuser.replies} replies, ${abuser.errors} errors`,
    `${abuser.opened} opened, ${abuser.lost} lost, ${abuser.refused} refused`,
    ...figures,
    ...(ended === undefined ? [] : [`ENDED: ${ended}`]),
    ...(failed === undefined ? [] : [`FAILED: ${failed}`]),
    ...abuser.samples.map((text) => `[${text.slice(0, 60)}]`),
  ]
  return `${name.padEnd(24)} ${parts.join('; ')}`
}
