// The parts of the docs that come from the code: `npm run docs` gives it what was built, the test the
// sources.

import { renderCompatibility } from './compatibility.mjs'

/**
 * What the docs tell of a row of the command table.
 * @typedef {object} Row
 * @property {string} kind
 * @property {string} name
 * @property {string} group
 * @property {string} since
 * @property {string} syntax
 * @property {string} summary
 * @property {unknown} [direct]
 * @property {string} [reason] of a row that is refused
 * @property {ReadonlyMap<string, Row>} [subcommands] of a container
 */

/**
 * @typedef {object} Setting
 * @property {string} name
 * @property {string | undefined} default
 * @property {string | undefined} unit
 * @property {string} help
 * @property {boolean} secret
 * @property {boolean} production
 * @property {readonly string[]} aliases
 */

/**
 * @typedef {object} ErrorRow
 * @property {number} status
 * @property {string} http
 * @property {string} resp
 * @property {string} level
 * @property {boolean} respOnly
 */

/**
 * What the docs take from the code.
 * @typedef {object} Facts
 * @property {ReadonlyMap<string, Row>} table
 * @property {Readonly<Record<string, string>>} refusedSubcommands
 * @property {readonly Setting[]} settings
 * @property {Readonly<Record<string, ErrorRow>>} errors
 */

/** @type {Record<string, string>} */
const TITLES = {
  string: 'Strings',
  list: 'Lists',
  hash: 'Hashes',
  set: 'Sets',
  'sorted-set': 'Sorted sets',
  stream: 'Streams',
  bitmap: 'Bitmaps',
  hyperloglog: 'HyperLogLog',
  generic: 'Keys',
  pubsub: 'Publish and subscribe',
  transactions: 'Transactions',
  scripting: 'Scripts',
  connection: 'Connection',
  server: 'Server',
}

/**
 * A vertical bar ends a cell even within code: https://github.github.com/gfm/#tables-extension-
 * @param {string} text
 */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
/** @param {string} text */
const code = (text) => (text === '' ? '' : `\`${cell(text)}\``)
/** @param {readonly string[]} cells */
const rowOf = (cells) => `| ${cells.join(' | ')} |`
/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
const tableOf = (head, rows) => [rowOf(head), rowOf(head.map(() => '---')), ...rows.map(rowOf)].join('\n')

/** @param {Row} a @param {Row} b */
const byName = (a, b) => (a.name < b.name ? -1 : 1)
/** @param {string} name */
const title = (name) => name.replaceAll('|', ' ').toUpperCase()

/** @type {Record<string, string>} */
const ANSWERED = { keyspace: 'from the index', connection: 'by the server', data: 'computed' }
/** @param {Row} row */
const answered = (row) => (row.direct === undefined ? (ANSWERED[row.kind] ?? 'by the server') : 'directly')

/** The row itself, or its subcommands. @param {Row} row */
const leavesOf = (row) => (row.subcommands === undefined ? [row] : [...row.subcommands.values()])

const COMMANDS_HEAD = `# Commands

This page is generated from the command table by \`npm run docs\`; do not edit it.

Commands, arguments, replies and error texts are those of Redis 7.0. A command that is not on this page gets an error at once; nothing
unknown is passed on. *Since* is the version of Redis that brought the command. *Answered* tells how it is done:

- *directly*: one native command, or one script call, on ciphertext: one round trip to the backing Redis. With some options such a
  command is computed instead.
- *computed*: the key is read and opened, the command runs in the server, and the difference is written back under a guard.
- *from the index*: from the bookkeeping of the automation, or by a script over it. The cost depends on the automation's own keys only.
- *by the server*: without the automation's data.

[Architecture](architecture.md) has the details.
`

/** docs/commands.md as a whole. @param {Pick<Facts, 'table' | 'refusedSubcommands'>} facts */
const renderCommands = ({ table, refusedSubcommands }) => {
  const rows = [...table.values()].sort(byName)
  const leaves = rows.filter((row) => row.kind !== 'refused').flatMap(leavesOf)
  const served = leaves.filter((row) => row.kind !== 'refused').sort(byName)
  const refused = [...rows, ...leaves].filter((row) => row.kind === 'refused')
  const parts = [COMMANDS_HEAD]
  const groups = [...new Set([...Object.keys(TITLES), ...served.map(({ group }) => group)])]
  for (const group of groups) {
    const members = served.filter((row) => row.group === group)
    if (members.length === 0) continue
    const lines = members.map((row) => [
      code(title(row.name)),
      code(row.syntax),
      row.since,
      cell(row.summary),
      answered(row),
    ])
    parts.push(
      `## ${TITLES[group] ?? group}\n\n${tableOf(['Command', 'Arguments', 'Since', 'What it does', 'Answered'], lines)}\n`,
    )
  }
  /** @type {Map<string, string[]>} */
  const reasons = new Map()
  for (const { name, reason } of refused)
    reasons.set(String(reason), [...(reasons.get(String(reason)) ?? []), name])
  for (const [name, reason] of Object.entries(refusedSubcommands))
    reasons.set(reason, [...(reasons.get(reason) ?? []), name])
  const lines = [...reasons].map(([reason, names]) => [
    cell(reason),
    [...new Set(names)]
      .sort()
      .map((name) => code(title(name)))
      .join(', '),
  ])
  parts.push(
    `## Not offered\n\nThese are answered with \`NOPERM\` and the reason.\n\n${tableOf(['Reason', 'Commands'], lines)}\n`,
  )
  return parts.join('\n')
}

/** @param {Setting} setting */
const defaultOf = ({ default: preset, unit, production }) => {
  if (preset === undefined) return production ? 'none; needed in production' : 'none'
  return `\`${preset}\`${unit === undefined ? '' : ` ${unit}`}`
}

/** @param {Pick<Facts, 'settings'>} facts */
const renderSettings = ({ settings }) =>
  tableOf(
    ['Setting', 'Default', 'Meaning'],
    settings.map((setting) => {
      const alias =
        setting.aliases.length === 0 ? '' : ` Another name: ${setting.aliases.map(code).join(', ')}.`
      return [
        code(setting.name),
        defaultOf(setting),
        `${cell(setting.help)}${alias}${setting.secret ? ' Secret.' : ''}`,
      ]
    }),
  )

const ERRORS_HEAD = `# Errors

This page is generated from the error table by \`npm run docs\`; do not edit it.

Every error that a client can meet. A word in braces stands for what the error is about. The texts are Redis's own wherever Redis has one.
The status and the code are those of [REST](rest.md#errors), also where no request of REST meets the error. *Log* is the level at which the
server logs it.
`

/** docs/errors.md as a whole. @param {Pick<Facts, 'errors'>} facts */
const renderErrorPage = ({ errors }) => {
  const rows = Object.entries(errors).map(([name, { resp, status, http, level }]) => [
    code(name),
    code(resp),
    String(status),
    code(http),
    level,
  ])
  return `${ERRORS_HEAD}\n${tableOf(['Error', 'Over RESP', 'Status', 'Code', 'Log'], rows)}\n`
}

/** @param {Pick<Facts, 'errors'>} facts */
const renderErrors = ({ errors }) => {
  /** @type {Map<string, { status: number, http: string, texts: Set<string> }>} */
  const codes = new Map()
  for (const { status, http, resp, respOnly } of Object.values(errors)) {
    if (respOnly) continue
    const id = `${status} ${http}`
    const known = codes.get(id) ?? { status, http, texts: /** @type {Set<string>} */ (new Set()) }
    known.texts.add(resp)
    codes.set(id, known)
  }
  const rows = [...codes.values()].sort((a, b) => a.status - b.status || (a.http < b.http ? -1 : 1))
  return tableOf(
    ['Status', '`error`', 'The same over RESP'],
    rows.map(({ status, http, texts }) => [String(status), code(http), [...texts].map(code).join('<br>')]),
  )
}

/** @param {string} name */
const begin = (name) => `<!-- ${name}: generated by npm run docs, do not edit -->`
/** @param {string} name */
const end = (name) => `<!-- ${name}: end -->`

/**
 * Replaces what stands between the markers of `name`. Throws when they are not there.
 * @param {string} page
 * @param {string} name
 * @param {string} text
 */
const replaceSection = (page, name, text) => {
  const from = page.indexOf(begin(name))
  const to = page.indexOf(end(name))
  if (from < 0 || to < from) throw new Error(`the markers of the section ${name} are missing`)
  return `${page.slice(0, from)}${begin(name)}\n\n${text}\n\n${page.slice(to)}`
}

/**
 * Every file with generated parts: `render` turns what it holds into what it should hold.
 * @param {Facts} facts
 * @returns {{ file: string, render: (page: string) => string }[]}
 */
export const generated = (facts) => [
  { file: 'docs/commands.md', render: () => renderCommands(facts) },
  { file: 'docs/compatibility.md', render: () => renderCompatibility(facts) },
  { file: 'docs/errors.md', render: () => renderErrorPage(facts) },
  { file: 'docs/operations.md', render: (page) => replaceSection(page, 'settings', renderSettings(facts)) },
  { file: 'docs/rest.md', render: (page) => replaceSection(page, 'errors', renderErrors(facts)) },
]
