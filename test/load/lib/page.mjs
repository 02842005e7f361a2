// docs/reports/load.md, made of docs/data/load.json and docs/data/soak.json alone.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { short } from '../../../bench/lib/statistics.mjs'
import { root } from '../../../scripts/lib/project.mjs'

const fileOf = (name) => join(root, `docs/data/${name}.json`)

/** Keeps the figures of one run. */
export const saveData = (name, data) => {
  mkdirSync(join(root, 'docs/data'), { recursive: true })
  // One line for each sample: a file of figures should be short, and yet show in a diff what changed.
  const text = JSON.stringify(data, undefined, 2).replace(/\{\s+"second"[^}]*\}/g, (sample) =>
    sample.replace(/\s+/g, ' '),
  )
  writeFileSync(fileOf(name), `${text}\n`)
}

const dataOf = (name) =>
  existsSync(fileOf(name)) ? JSON.parse(readFileSync(fileOf(name), 'utf8')) : undefined

/** @type {[string, number][]} */
const UNITS = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
]
/** @param {number} value */
const bytes = (value) => {
  const [unit, size] = UNITS.find(([, least]) => Math.abs(value) >= least) ?? ['B', 1]
  return `${short(value / size)} ${unit}`
}

/** A figure with its unit, for reading. @param {number} value */
export const shown = (value, unit = '') => {
  if (unit === 'bytes') return bytes(value)
  if (unit === 'bytes/s') return `${bytes(value)}/s`
  const number = unit === '' ? Math.round(value).toLocaleString('en-US') : short(value)
  return `${number} ${unit}`.trim()
}

const table = (head, rows) =>
  [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

const verdict = ({ ok }) => (ok ? 'holds' : '**broken**')
const checkRow = (check) => [
  check.what,
  check.value === undefined ? '' : shown(check.value, check.unit),
  check.limit === undefined ? '' : shown(check.limit, check.unit),
  verdict(check),
]

const summary = (rows) =>
  table(
    ['', 'Resident before', 'Peak', 'After, once collected', 'Checks'],
    rows.map(({ title, memory, checks }) => {
      const broken = checks.filter(({ ok }) => !ok).length
      return [
        title,
        bytes(memory.baseline),
        bytes(memory.peak),
        bytes(memory.settled),
        broken === 0 ? `${checks.length} hold` : `**${broken} broken**`,
      ]
    }),
  )

const section = ({ title, figures, checks }) =>
  [
    `### ${title[0].toUpperCase()}${title.slice(1)}`,
    table(
      ['', 'Measured'],
      Object.entries(figures).map(([what, [value, unit]]) => [what, shown(value, unit)]),
    ),
    table(['Must hold', 'Measured', 'At most', ''], checks.map(checkRow)),
  ].join('\n\n')

const soakSection = ({ circumstances, minutes, commands, trends, checks, samples, settled }) => {
  const latest = samples.slice(Math.floor((samples.length * 2) / 3))
  const middle = (name) => [...latest].map((sample) => sample[name]).sort((a, b) => a - b)[latest.length >> 1]
  const trendRow = (name, { mean, growth, error, allowed, grows }) => [
    name,
    bytes(mean),
    bytes(growth),
    bytes(error),
    bytes(allowed),
    grows ? '**grows**' : 'flat',
  ]
  return [
    `${circumstances} ${commands.toLocaleString('en-US')} commands and requests in ${minutes} minutes.`,
    '![Memory and latency over time](load-soak.svg)',
    table(
      ['Last third', 'Mean', 'Growth of the fitted line', 'Its standard error', 'Taken for noise', ''],
      [
        trendRow('resident memory', trends.resident),
        trendRow('heap in use (least of each of 30 windows)', trends.heapUsed),
      ],
    ),
    table(
      ['', 'Measured'],
      [
        ['commands a second, median of the last third', shown(middle('rate'))],
        [
          'latency, p50 and p99, medians of the last third',
          `${shown(middle('p50'), 'ms')} and ${shown(middle('p99'), 'ms')}`,
        ],
        [
          'heap and buffers after a full collection, before and after',
          `${bytes(settled.before)} and ${bytes(settled.after)}`,
        ],
      ],
    ),
    table(['Must hold', 'Measured', 'At most', ''], checks.map(checkRow)),
  ].join('\n\n')
}

const render = (load, soak) => `# Load

This page is generated from [docs/data/load.json](../data/load.json) and [docs/data/soak.json](../data/soak.json) by \`npm run test:load\` and
\`npm run test:soak\`; do not edit it.

## Bounds

What keeps the memory of the server bounded, whatever clients do:

| Bound | Where it is set | What happens at it |
| --- | --- | --- |
| open RESP connections | \`AUTOMATION_KV_MAX_CONNECTIONS\` | the next one gets an error and is closed |
| connections that have not logged in, and their time | \`AUTOMATION_KV_MAX_UNAUTHENTICATED\`, \`AUTOMATION_KV_LOGIN_TIMEOUT_MS\` | the oldest gives way; closed |
| what one that has not logged in may make the server hold | 64 KiB, fixed | closed |
| one request | \`AUTOMATION_KV_MAX_REQUEST_SIZE\` | read to its end, dropped and answered with an error |
| one value | \`AUTOMATION_KV_MAX_VALUE_SIZE\` | the same |
| requests of a connection on their way to the Redis | 1,024, fixed; fewer when replies are large: 2 MiB of them, and 16 MiB for all connections together, but always one for each | the socket is not read until some are answered |
| replies of a connection that are not sent | 2 MiB with those on their way, down to 64 KiB when many clients do not read (\`src/servers/resp/reply-budget.ts\`) | the socket is not read until the client has read |
| messages for a client that listens to channels | \`AUTOMATION_KV_MAX_BACKLOG\` | the client is cut |
| what a script may take | \`AUTOMATION_KV_SCRIPT_MEMORY_LIMIT\`, \`AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS\` | the script ends with an error |
| time that a client may keep a connection | the end of its token | \`NOAUTH token expired\`, closed |

A client that sends and does not read keeps its connection, with what it holds, until it reads, leaves or its token ends. It costs
2 MiB, less when there are many such clients, or one reply if that is larger; the number of connections bounds the sum.

## Scenarios

${
  load === undefined
    ? 'Not measured yet: `npm run test:load`.'
    : `${load.circumstances} Each scenario has a server process of its own, before a Redis without persistence. Every reply is compared byte for byte, so a missing, wrong or
misplaced one shows. The load generator is one process, and its own work is part of the latencies. *After* is one second after the clients have left, and
after a full garbage collection. What the allocator of the C library keeps of freed memory for later still counts as resident.

${summary(load.rows)}

${load.rows.map(section).join('\n\n')}`
}

## Soak

\`npm run test:soak -- --minutes 30\`: 36 RESP clients over all families of commands, pipelines, transactions, scripts, blocking pops and pub/sub; REST
clients; and visitors that come and go, also with a reset in the middle of a request, of a reply, while they wait, listen or are in a transaction. Memory
counts as growing when the line fitted (least squares) to the last third of the run rises over that third by more than 5 % of the mean and more than 8 MiB, and by
more than twice its standard error.

${soak === undefined ? 'Not run yet.' : soakSection(soak)}
`

export const writePage = () =>
  writeFileSync(join(root, 'docs/reports/load.md'), render(dataOf('load'), dataOf('soak')))
