// The report of a run as a Markdown table.

/**
 * @typedef {object} Row of one fault
 * @property {string} fault
 * @property {string} what
 * @property {number} episodes
 * @property {number} ok
 * @property {number} refused
 * @property {number} unknown
 * @property {number} lost
 * @property {number} violations
 * @property {number} slowestRecoveryMs
 * @property {number} refusalP99Ms
 * @property {number} slowestRefusalMs
 */

/** @typedef {{ rows: Row[], operations: number, seconds: number, servers: number, seed: number }} Report */

const HEAD = [
  'Fault',
  'Episodes',
  'Acknowledged',
  'Refused',
  'Unknown',
  'Lost',
  'Violations',
  'Slowest recovery',
  'What happens',
]

/** @param {number} number */
const count = (number) => number.toLocaleString('en-US')

/** @param {Report} report */
export function tableOf({ rows, operations, seconds, servers, seed }) {
  const lines = rows.map((row) => [
    row.fault,
    count(row.episodes),
    count(row.ok),
    count(row.refused),
    count(row.unknown),
    count(row.lost),
    count(row.violations),
    `${count(row.slowestRecoveryMs)} ms`,
    row.what,
  ])
  const sum = (/** @type {'episodes' | 'ok' | 'refused' | 'unknown' | 'lost' | 'violations'} */ name) =>
    count(rows.reduce((total, row) => total + row[name], 0))
  lines.push([
    '**all**',
    sum('episodes'),
    sum('ok'),
    sum('refused'),
    sum('unknown'),
    sum('lost'),
    sum('violations'),
    '',
    '',
  ])
  const p99 = Math.max(...rows.map((row) => row.refusalP99Ms))
  const slowest = Math.max(...rows.map((row) => row.slowestRefusalMs))
  return [
    `${count(operations)} operations in ${count(seconds)} seconds, ${servers} servers, seed ${seed}.`,
    `Of the refusals while the Redis was away, 99 of 100 came within ${p99} ms in every episode, the slowest after ${slowest} ms.`,
    '',
    ...[HEAD, HEAD.map((_, i) => (i > 0 && i < HEAD.length - 1 ? '---:' : '---')), ...lines].map(
      (row) => `| ${row.join(' | ')} |`,
    ),
  ].join('\n')
}

/** The page with the table in its place. @param {string} page @param {Report} report */
export const withTable = (page, report) =>
  page.replace(
    /(<!-- table: written by [^>]* -->\n)[^]*(<!-- table: end -->)/,
    (_all, start, end) => `${start}\n${tableOf(report)}\n\n${end}`,
  )
