import { encodeReply, OutputBuffer, type Protocol } from '../../../src/protocol/encode.ts'
import type { Reply } from '../../../src/reply/reply.ts'
import type { Engine } from '../../helpers/engine.ts'
import { RespClient } from '../../helpers/resp-client.ts'
import { type WireTree, wireTree } from './wire-tree.ts'

/**
 * A line of a comparison: words parted by spaces; `"..."` may hold spaces and \x41 escapes, `{n*text}`
 * repeats. Marks before the command: `~` the elements come in no order, `~2` pairs of them do, `~s` and `~s2`
 * the same for the second part of a SCAN reply; `!` Redis counts another number of changes than the version
 * does; `?` only the kind of reply is compared (random, or the time).
 */
export interface Line {
  readonly text: string
  readonly mark: string
  readonly args: Buffer[]
}

const unescaped = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/\{(\d+)\*([^}]*)\}/g, (_all, times: string, what: string) => what.repeat(Number(times)))
      .replace(/\\x([0-9a-f]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  )

export function parseLines(script: string): Line[] {
  return script
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, mark = '', text = ''] = /^((?:~s2|~s|~2|~|!|\?)*)(.*)$/.exec(line)!
      const args = text
        .match(/"[^"]*"|\S+/g)!
        .map((word) => unescaped(word.startsWith('"') ? word.slice(1, -1) : word))
      return { text, mark, args }
    })
}

const encoded = (reply: Reply, protocol: Protocol): Buffer => {
  const out = new OutputBuffer()
  encodeReply(reply, protocol, out)
  return Buffer.concat(out.take())
}

function sorted(tree: WireTree, unit: number): WireTree {
  if (typeof tree === 'string') return tree
  const [type, ...items] = tree as [string, ...WireTree[]]
  const size = unit === 2 && items.every((item) => typeof item === 'string') ? 2 : 1
  const groups: string[] = []
  for (let i = 0; i < items.length; i += size) groups.push(JSON.stringify(items.slice(i, i + size)))
  return [type, ...groups.sort()]
}

/** Hides what differs from run to run, such as times, in the bytes of a reply. */
export type Hide = (reply: Buffer) => Buffer

/** What of a reply is compared. */
function comparable(bytes: Buffer, mark: string): unknown {
  if (mark.includes('?')) return String.fromCharCode(bytes[0]!)
  if (!mark.includes('~')) return bytes.toString('latin1')
  const tree = wireTree(bytes)
  const unit = mark.includes('2') ? 2 : 1
  if (!mark.includes('s') || typeof tree === 'string') return sorted(tree, unit)
  return [...tree.slice(0, 2), sorted(tree[2]!, unit)]
}

/** A real Redis on whose databases 0 and 1 the same commands run in RESP2 and RESP3. */
export interface Reference {
  run(args: readonly Buffer[]): Promise<[resp2: Buffer, resp3: Buffer]>
  /** How many changes it counts in all. */
  changes(): Promise<number>
  clear(): Promise<void>
  close(): void
}

export async function startReference(url: string): Promise<Reference> {
  const [two, three] = await Promise.all([RespClient.connect(url), RespClient.connect(url)])
  const ask = async (client: RespClient, args: readonly Buffer[]): Promise<Buffer> =>
    (await client.send(...args).frameBytes(1))[0]!
  await three.raw('HELLO', '3')
  await three.raw('SELECT', '1')
  return {
    run: (args) => Promise.all([ask(two, args), ask(three, args)]),
    changes: async () =>
      Number(/rdb_changes_since_last_save:(\d+)/.exec(await two.text('INFO', 'persistence'))![1]),
    clear: async () => {
      await two.call('FLUSHALL')
    },
    close: () => {
      two.destroy()
      three.destroy()
    },
  }
}

export interface Difference {
  readonly command: string
  readonly what: string
  readonly redis: unknown
  readonly ours: unknown
}

let automations = 0

export const ownAutomation = (): string => `compared-${++automations}`

/** Runs a command on the reference; answers also whether it counted a change. */
async function expectedOf(
  reference: Reference,
  { args }: Line,
): Promise<{ expected: readonly [Buffer, Buffer]; changed: boolean }> {
  const before = await reference.changes()
  const expected = await reference.run(args)
  return { expected, changed: (await reference.changes()) > before }
}

/** Seconds that two servers counted: their clocks are looked at some time apart. */
function sameSeconds(text: string, redis: unknown, ours: unknown): boolean {
  if (!/^(TTL|OBJECT IDLETIME) /i.test(text)) return false
  const [a, b] = [redis, ours].map((reply) => Number(/^:(\d+)\r\n$/.exec(String(reply))?.[1] ?? NaN)) as [
    number,
    number,
  ]
  return Math.abs(a - b) <= 2
}

export function replyDifferences(
  { text, mark }: Line,
  way: string,
  expected: readonly [Buffer, Buffer],
  reply: Reply,
  hide: Hide = (bytes) => bytes,
): Difference[] {
  return ([2, 3] as const).flatMap((protocol, i) => {
    const redis = comparable(hide(expected[i]!), mark)
    const ours = comparable(hide(encoded(reply, protocol)), mark)
    if (JSON.stringify(redis) === JSON.stringify(ours) || sameSeconds(text, redis, ours)) return []
    return [{ command: text, what: `RESP${protocol}, ${way}`, redis, ours }]
  })
}

/**
 * Runs every line on the reference, and on the engine in both ways, each under an automation of its own;
 * answers where they differ.
 */
export async function compare(
  reference: Reference,
  engine: Engine,
  script: string,
  hide?: Hide,
): Promise<Difference[]> {
  await reference.clear()
  const id = ownAutomation()
  const ways = [
    { way: 'direct', automation: `${id}-d`, computed: false },
    { way: 'computed', automation: `${id}-c`, computed: true },
  ]
  const differences: Difference[] = []
  for (const line of parseLines(script)) {
    const { expected, changed } = await expectedOf(reference, line)
    for (const { way, automation, computed } of ways) {
      const versionBefore = await engine.version(automation)
      const reply = await engine.run(automation, line.args, { computed })
      differences.push(...replyDifferences(line, way, expected, reply, hide))
      const steps = (await engine.version(automation)) - versionBefore
      if (!line.mark.includes('!') && steps !== (changed ? 1 : 0)) {
        differences.push({ command: line.text, what: `version, ${way}`, redis: changed, ours: steps })
      }
      const untrue = await untrueIndex(engine, automation)
      if (untrue !== undefined)
        differences.push({ command: line.text, what: `index, ${way}`, redis: '', ours: untrue })
    }
  }
  return differences
}

/** As `compare`, but all lines at once: they are computed in one round and written by one commit. */
export async function compareAtOnce(
  reference: Reference,
  engine: Engine,
  script: string,
): Promise<Difference[]> {
  await reference.clear()
  const automation = ownAutomation()
  const lines = parseLines(script)
  const way = 'at once'
  const differences: Difference[] = []
  const replies = await Promise.all(lines.map(({ args }) => engine.run(automation, args, { computed: true })))
  let changes = 0
  for (const [i, line] of lines.entries()) {
    const { expected, changed } = await expectedOf(reference, line)
    if (changed) changes++
    differences.push(...replyDifferences(line, way, expected, replies[i]!))
  }
  const version = await engine.version(automation)
  if (version !== changes)
    differences.push({ command: '', what: `version, ${way}`, redis: changes, ours: version })
  const untrue = await untrueIndex(engine, automation)
  if (untrue !== undefined) differences.push({ command: '', what: `index, ${way}`, redis: '', ours: untrue })
  return differences
}

/** The index must name exactly the keys that are there, with the moments at which they expire. */
async function untrueIndex(engine: Engine, id: string): Promise<string | undefined> {
  const { redis } = engine
  const automation = engine.automation(id)
  // Upper case: ioredis would make an object of it, and text of the names.
  const flat = (await redis.callBuffer('HGETALL', automation.indexKey)) as Buffer[]
  const known = new Map(
    flat.flatMap((name, i) =>
      i % 2 === 0 ? [[name.toString('latin1'), flat[i + 1]!.toString()] as const] : [],
    ),
  )
  const physical = (await redis.keysBuffer(`kv:{${id}}:k:*`)).map((key) =>
    key.subarray(automation.prefix.length).toString('latin1'),
  )
  const missing = physical.filter((name) => !known.has(name))
  if (missing.length > 0) return `not in the index: ${missing.join(' ')}`
  for (const [name, entry] of known) {
    const key = automation.key(Buffer.from(name, 'latin1')).toBuffer()
    const moment = Number(await redis.call('PEXPIRETIME', key))
    const expires = Number(entry.split(':')[3])
    if (moment === -2 && (expires === 0 || expires > Date.now())) return `in the index only: ${name}`
    if (moment !== -2 && expires !== Math.max(0, moment))
      return `${name} expires at ${moment}, not at ${expires}`
  }
  return undefined
}
