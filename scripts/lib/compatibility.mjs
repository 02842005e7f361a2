// docs/compatibility.md: the commands of Redis 7.0 as the table has them, and what real clients did in their
// last run.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderPrograms } from './programs-page.mjs'
import { root } from './project.mjs'

/** @typedef {import('./docs.mjs').Facts} Facts */

/** @typedef {{ status: string, note?: string }} Result of a feature; the status is one of WORDS */

/** @typedef {Record<string, Result>} Results */
/** @typedef {{ id: string, name: string, version: string, language: string, results: Results }} Client */

/** @typedef {{ date: string, clients: Client[] }} ClientRun */

/** @typedef {{ status: 'served' | 'refused' | 'missing', reason?: string }} Standing */

/** What `npm run test:conformance` is told to leave open, and what a process of its own makes different. */
const DIFFERENCES = `### Where a served command differs

Random sequences of commands are asked of a plain Redis 7.0.15 and of this server, in RESP2 and RESP3, and the replies compared byte for byte
(\`npm run test:conformance\`; a short run is part of \`npm test\`). What Redis leaves open (the order of a set, random members, ages in
milliseconds) is compared as far as it is promised. These differences are known:

- \`WATCH\` sees more: a change of a consumer group counts as a change of its stream, and a \`BITFIELD\` whose writes all fail on overflow,
  but which made the string longer, as a change of the string. Redis 7.0 tells the watchers of neither. \`EXEC\` then answers null, and
  the client tries again.
- The score \`-0\` is \`0\`, as in Redis's small sorted sets; its large ones keep the sign. \`ZSCAN\` shows a score from 1e17 on as \`1e+17\`, as
  Redis's large sorted sets do; its small ones show the digits.
- \`SUBSCRIBE\` and its like are refused within \`MULTI\`.
- Of \`CONFIG SET\` there is \`notify-keyspace-events\` alone, which holds for the automation in all processes and lasts. \`expired\` comes about a
  second after the key's end while the automation listens to anything, later with many thousand keys; reading such a key does not bring it
  forward, and a key that goes by \`FLUSHALL\` or while nobody listens tells nothing. \`keymiss\` is told by commands that succeed, of processes
  that know of the setting, as each does that has written or listened since. Nothing is ever evicted. A request makes 32,768 messages at most;
  one for more is refused.
- \`MONITOR\` shows commands to the process that was asked, REST requests by method and address, and 64 KiB of the arguments. What
  scripts call comes when their commit is through. A transaction is shown also when a watched key ends it, the first login of a connection
  is not. Eight connections of an automation may look at a process at a time.
- What a script or a transaction publishes is sent at its commit, with what it writes, in order and once; nothing of it is sent when the
  commit is refused (a quota) or the script is ended at a limit. Who listens then is what \`PUBLISH\` and \`PUBSUB\` in it answer; a listener of a
  process that was killed is counted for up to 9 seconds. It may publish 10,000 messages and 4 MiB, with the names of their channels.
- \`CLIENT TRACKING\` redirects to connections of the same automation to the same process: of another worker or copy \`The client ID you want
  redirect to does not exist\`. Every change is told, of all processes and of REST; and sometimes what the client need not have heard of: what
  commands of a consumer group do to its stream, a key that a script declares and only writes, or, with \`NOLOOP\`, a key that several commands
  changed at once. A key that expires is told a quarter of a second later; when more than some 90,000 with a TTL are under prefixes, the rest
  is told as everything, at most once a second. When an automation tracks more than 16 MiB of names and notes in a process, the oldest are told as if they
  had changed; after a lost link everything is. \`CLIENT TRACKING ON BCAST\` looks at all keys before it answers. A transaction or script
  that deletes everything tells of each key. redis-py caches only for servers that say they are 7.4 or later.
- \`INFO\` in a script tells what was so before the script.
- \`SCRIPT LOAD\` is known to the process that was asked: with several processes, a client meets \`NOSCRIPT\` as after a restart of Redis, and
  sends \`EVAL\`, as the client libraries do.
- Libraries of functions belong to the automation, in all processes and after a restart; \`FLUSHALL\` leaves them, as in Redis. A library's code runs
  anew for each call, so its locals are what the code makes of them and keep nothing between calls. An automation has up to 256 libraries and
  1 MiB of their code, names and descriptions; one library up to 1,000 functions. They count toward \`AUTOMATION_KV_MAX_BYTES\`, whatever
  \`allow-oom\` says; of the flags only \`no-writes\` changes what a function may do. \`FUNCTION LIST\` is in the order of the names. \`FUNCTION DUMP\`
  answers a sealed payload, which only the same automation can \`RESTORE\`.
- A call that was sent after \`FUNCTION DELETE\`, \`FLUSH\` or \`LOAD REPLACE\` was answered, by whatever process, does not run the old code; one that
  was under way is answered as if it had come before, or runs anew with the libraries as they are now.
- \`SCRIPT KILL\` and \`FUNCTION KILL\` end what runs for the automation in the process that was asked, however long it has run, and need a token that
  may write. No \`pcall\` of the script catches this. What a script does is written after its end, so none is ever \`UNKILLABLE\`, and nothing of it
  is written; in Redis, what it did before stays. Other commands are not refused with \`BUSY\` meanwhile. Without compute threads they answer
  \`NOTBUSY\`, since nothing else is served while a script runs.
- \`FUNCTION STATS\` shows what runs in the process that was asked, also a script.
- Clients that block on one key are served in the order in which they began; among several server processes this order is that in which their
  requests reach the backing Redis, which differs for requests within a few milliseconds.
- An error about an unknown command does not repeat its arguments, since they may be secrets and clients log errors.
- \`OBJECT ENCODING\` is that of a new key with this content; Redis's depends on the key's history. \`OBJECT REFCOUNT\` is always 1.
- \`CLIENT LIST\`, \`KILL\`, \`PAUSE\`, \`UNBLOCK\`, \`SLOWLOG\` and the sections \`clients\` and \`stats\` of \`INFO\` are about the automation's connections to the
  process that was asked. A pause lasts 60 seconds at most, and \`UNPAUSE\` ends one of all commands too. \`KILL\` and \`PAUSE\` need a token that may write.
- \`MEMORY USAGE\` is an estimate for the sealed key in the backing Redis, and looks at five elements at most. \`SLOWLOG\` counts a command's time
  from its start to its reply, with what it waits for.
- \`DUMP\` answers a sealed payload, of no more bytes than a value may have; only the same automation can \`RESTORE\` it.
- \`XADD\` and \`XTRIM\` with \`~\` trim by the nodes of the backing Redis, which are of fewer entries as these are sealed; in transactions and scripts by
  the nodes that Redis would have.
- Sets of up to 512 integers are answered in ascending order, as in Redis. Fields of a hash come in the order in which they were added as long
  as there are at most 128, of at most 64 bytes each, if the backing Redis is set up for it ([operations](operations.md)): the embedded one is.
  A field that is deleted and added again within one transaction or script keeps its place.
- \`DBSIZE\` does not count a key that has expired; Redis does until it has removed it.
- A name that begins with \`$\`, or is longer than \`AUTOMATION_KV_MAX_KEY_LENGTH\`, is one that no key has: what reads or deletes answers so.
  What could keep something under it (\`SET\`, \`RENAME\`, blocking commands, \`SORT\`) is refused.
- A pattern (\`KEYS\`, \`MATCH\`, \`PSUBSCRIBE\`...) has at most 65,536 bytes, and at most 256 of them between two stars if \`?\` or \`[\` is among
  these: Redis's matcher takes pattern length times text length, and this one reads the text once.
- A request has at most 262,144 arguments, in Redis 1,048,576.
- A command names at most 4,096 keys (\`AUTOMATION_KV_MAX_KEYS_PER_COMMAND\`).
- HSCAN, SSCAN, ZSCAN and XAUTOCLAIM look at no more than 1,000 elements at a call, however large COUNT is.
- \`LCS\` refuses values whose lengths multiply to more than 2^26, with the error that Redis gives from 2^27 on.
- \`ZUNION\`, \`ZINTER\` and their like add up a key that is named more than 16 times once, times the sum of its weights: the last digits
  of a rounded score may differ.
`

/** What COMMAND LIST of a Redis 7.0.15 answers: names in lower case, `container|subcommand`. */
export const redisCommands = () =>
  readFileSync(join(root, 'scripts/data/redis-7.0-commands.txt'), 'utf8').trim().split('\n')

/** The last run of all clients; undefined when there was none. @returns {ClientRun | undefined} */
export const clientRun = () => {
  const file = join(root, 'docs/data/clients.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/**
 * Whether a command of Redis is served, refused with a reason, or missing.
 * @param {string} name
 * @param {Pick<Facts, 'table' | 'refusedSubcommands'>} facts
 * @returns {Standing}
 */
export const standing = (name, { table, refusedSubcommands }) => {
  const [first = '', sub] = name.split('|')
  const row = table.get(first)
  if (row === undefined) return { status: 'missing' }
  if (row.kind === 'refused') return { status: 'refused', reason: String(row.reason) }
  if (sub === undefined) return { status: 'served' }
  const leaf = row.subcommands?.get(sub)
  if (leaf !== undefined && leaf.kind !== 'refused') return { status: 'served' }
  const reason = leaf?.reason ?? refusedSubcommands[name]
  return reason === undefined ? { status: 'missing' } : { status: 'refused', reason }
}

/** @type {Record<string, string>} */
const FEATURES = {
  url: 'connect by URL',
  hostport: 'connect by host and port',
  strings: 'strings',
  lists: 'lists',
  hashes: 'hashes',
  sets: 'sets',
  zsets: 'sorted sets',
  streams: 'streams',
  pipeline: 'pipeline',
  transaction: 'MULTI and WATCH',
  pubsub: 'publish and subscribe',
  blocking: 'blocking pop',
  script: 'EVAL and EVALSHA',
  lock: 'its own lock',
  resp3: 'RESP3',
  reconnect: 'reconnects after a restart',
  scan: 'SCAN',
  binary: 'binary keys and values',
  big: 'a value of 900 KB',
  errors: 'errors by their kind',
}

/** What single clients do beyond that. */
const TOOLS = /** @type {Record<string, string>} */ ({
  interactive: 'interactive, with hints and `help`',
  stat: '`--stat`',
  bigkeys: '`--bigkeys`',
  memkeys: '`--memkeys`',
  hotkeys: '`--hotkeys`',
  latency: '`--latency`',
  monitor: '`MONITOR`',
  rdb: '`--rdb`',
  benchmark: '`redis-benchmark -t set,get,incr,lpush,hset`, also with `-P 16`',
  worker: 'a worker with 50 jobs',
  events: 'waiting for a job through its events',
  delayed: 'delayed jobs and priorities',
  retries: 'retries with a backoff',
  scheduler: 'a job scheduler',
  flow: 'a flow of parent and children',
  maintenance: 'pause, clean, obliterate',
})

/** @param {string} name */
const code = (name) => `\`${name.replaceAll('|', ' ').toUpperCase()}\``
/** @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
/** @param {readonly string[]} cells */
const rowOf = (cells) => `| ${cells.join(' | ')} |`
/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
const tableOf = (head, rows) => [rowOf(head), rowOf(head.map(() => '---')), ...rows.map(rowOf)].join('\n')

/** @type {Record<string, string>} */
const WORDS = { ok: 'yes', none: '-', refused: 'no', fail: 'fails' }

/** Numbers notes in the order of their first use; equal notes share a number. */
const footnotes = () => {
  /** @type {string[]} */
  const notes = []
  return {
    mark: (/** @type {string} */ note) => {
      if (!notes.includes(note)) notes.push(note)
      return ` <sup>${notes.indexOf(note) + 1}</sup>`
    },
    list: () => notes.map((note, i) => `${i + 1}. ${cell(note)}`).join('\n'),
  }
}

/** @param {Result} result @param {ReturnType<typeof footnotes>} notes */
const resultOf = ({ status, note }, notes) => `${WORDS[status]}${note === undefined ? '' : notes.mark(note)}`

/** @param {ClientRun} run */
const renderClients = ({ date, clients }) => {
  const libraries = clients.filter(({ results }) => results.strings !== undefined)
  const notes = footnotes()
  const heads = libraries.map(({ name, version, language }) => `${name} ${version}<br>${language}`)
  const rows = Object.entries(FEATURES).map(([feature, title]) => [
    title,
    ...libraries.map(({ results }) =>
      resultOf(results[feature] ?? { status: 'fail', note: 'did not run' }, notes),
    ),
  ])
  const tools = clients.flatMap(({ name, version, results }) =>
    Object.entries(results)
      .filter(([feature]) => FEATURES[feature] === undefined || results.strings === undefined)
      .map(([feature, result]) => [
        `${name} ${version}`,
        TOOLS[feature] ?? FEATURES[feature] ?? feature,
        resultOf(result, notes),
      ]),
  )
  return `Run of ${date}. The programs in \`test/clients/programs/\` use each client as its users do; only host, port and password differ from
what they would have for Redis. \`scripts/test-clients.mjs\` runs them and keeps the results in \`docs/data/clients.json\`. *yes*: works;
*-*: the client has no such thing; *no*: not offered. Numbers lead to the notes below.

${tableOf(['', ...heads], rows)}

${tableOf(['Tool', 'What', 'Works'], tools)}

${notes.list()}

StackExchange.Redis was not tried: it needs .NET.`
}

/** docs/compatibility.md as a whole. @param {Pick<Facts, 'table' | 'refusedSubcommands'>} facts */
export const renderCompatibility = (facts, names = redisCommands(), run = clientRun()) => {
  const all = names.map((name) => ({ name, ...standing(name, facts) }))
  const by = (/** @type {Standing['status']} */ status) => all.filter((command) => command.status === status)
  const [served, refused, missing] = [by('served'), by('refused'), by('missing')]
  const count = (/** @type {{ name: string }[]} */ list) => {
    const subcommands = list.filter(({ name }) => name.includes('|')).length
    return [list.length, list.length - subcommands, subcommands].map(String)
  }
  /** @type {Map<string, string[]>} */
  const reasons = new Map()
  for (const { name, reason = '' } of refused) reasons.set(reason, [...(reasons.get(reason) ?? []), name])
  const known = new Set(names)
  const newer = [...facts.table.values()]
    .flatMap((row) => (row.subcommands === undefined ? [row] : [...row.subcommands.values()]))
    .filter(({ kind, name }) => kind !== 'refused' && !known.has(name))
    .map(({ name }) => name)
    .sort()
  return `# Compatibility

This page is generated by \`npm run docs\`; do not edit it.

## Clients

${run === undefined ? 'No run of all clients is recorded yet.' : renderClients(run)}

${renderPrograms()}
## Commands of Redis 7.0

The list is what \`COMMAND LIST\` of Redis 7.0.15 answers, with subcommands. What each command does is on the page
[Commands](commands.md).

${tableOf(
  ['', 'All', 'Commands', 'Subcommands'],
  [
    ['Redis 7.0', ...count(all)],
    ['served', ...count(served)],
    ['not offered', ...count(refused)],
    ['missing', ...count(missing)],
  ],
)}

### Served

${served.map(({ name }) => code(name)).join(', ')}

Of later versions: ${newer.map(code).join(', ')}

### Not offered here

${tableOf(
  ['Reason', 'Commands'],
  [...reasons].map(([reason, list]) => [cell(reason), list.map(code).join(', ')]),
)}
${missing.length === 0 ? '' : `\n### Missing\n\n${missing.map(({ name }) => code(name)).join(', ')}\n`}
${DIFFERENCES}`
}
