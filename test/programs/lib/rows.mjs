// What is kept of each program's last run, in docs/data/programs.json, and how it is told.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../../scripts/lib/project.mjs'

/** @typedef {import('./types.mjs').Row} Row */

const FILE = join(root, 'docs/data/programs.json')

/** @returns {Row[]} */
const read = () => (existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : [])

/** @param {Pick<Row, 'checks'>} row @returns {import('./types.mjs').Status} */
export const statusOf = ({ checks }) => {
  const statuses = checks.map(({ status }) => status)
  if (statuses.length === 0 || statuses.includes('fail')) return 'fail'
  return statuses.includes('refused') ? 'refused' : 'ok'
}

/** @param {Row} row @param {readonly { id: string }[]} programs in their order */
export const write = (row, programs) => {
  const rows = new Map(read().map((one) => [one.id, one]))
  rows.set(row.id, row)
  const kept = programs.flatMap(({ id }) => rows.get(id) ?? [])
  writeFileSync(FILE, `${JSON.stringify(kept, null, 2)}\n`)
}

/** @param {Row} row */
export const lineOf = (row) => {
  const sum = (/** @type {'redisMs' | 'ms'} */ of) => row.checks.reduce((total, one) => total + one[of], 0)
  const head = `${statusOf(row).padEnd(8)} ${row.id} ${row.version}: ${sum('redisMs')} ms with Redis, ${sum('ms')} ms here\n`
  const lines = row.checks.map(
    ({ check, status, redisMs, ms, note }) =>
      `  ${status.padEnd(8)} ${check}: ${redisMs} / ${ms} ms${note === undefined ? '' : `\n    ${note}`}\n`,
  )
  return head + lines.join('')
}
