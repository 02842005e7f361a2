// What programs built on Redis did in their last run, for docs/compatibility.md.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './project.mjs'

/** @typedef {'ok' | 'fail' | 'refused'} Status */
/** @typedef {{ check: string, status: Status, redisMs: number, ms: number, note?: string }} Check */

/**
 * @typedef {object} Program
 * @property {string} id
 * @property {string} name
 * @property {string} language
 * @property {string} version
 * @property {string} date
 * @property {Check[]} checks
 */

/** The last run of each program. @returns {Program[]} */
export const programRuns = () => {
  const file = join(root, 'docs/data/programs.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}

const WORDS = { ok: 'yes', refused: 'no', fail: 'fails' }
/** @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
/** @param {readonly string[]} cells */
const rowOf = (cells) => `| ${cells.join(' | ')} |`

/** @param {Program} program */
const rowsOf = ({ name, version, language, checks }) =>
  checks.map(({ check, status, redisMs, ms, note }) => {
    const reason = note === undefined ? '' : `: ${note}`
    return rowOf([
      `${name} ${version}`,
      language,
      cell(check),
      `${WORDS[status]}${cell(reason)}`,
      `${redisMs}`,
      `${ms}`,
    ])
  })

/** The section of the page, empty when nothing was run. */
export const renderPrograms = (runs = programRuns()) => {
  if (runs.length === 0) return ''
  const dates = runs.map(({ date }) => date).sort()
  const when = dates[0] === dates.at(-1) ? dates[0] : `${dates[0]} to ${dates.at(-1)}`
  const head = ['Program', 'Language', 'What', 'Works', 'ms with Redis', 'ms here']
  return `## Programs

Runs of ${when}. \`npm run test:programs\` installs programs that are built on Redis and runs a short scenario of each, the same with a plain
Redis and with this server; \`test/programs/scenarios/\` has what is asked of them, \`docs/data/programs.json\` the results. *yes*: works as with
Redis; *no*: needs what is not offered, with the server's answer. Times are of single runs on a machine that did other work too, with what
the scenario waits for; the server has settings far above what is reached, and two seconds for a script.

${[rowOf(head), rowOf(head.map(() => '---')), ...runs.flatMap(rowsOf)].join('\n')}
`
}
