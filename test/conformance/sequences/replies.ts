import { calledBy } from './families/scripting.ts'
import type { Command } from './words.ts'

/** A reply cut into its elements. */
export interface Node {
  readonly type: string
  /** As it was on the wire. */
  readonly raw: string
  readonly items: readonly Node[]
}

export function parseReply(bytes: Buffer): Node {
  const text = bytes.toString('latin1')
  let at = 0
  const read = (): Node => {
    const start = at
    const type = text[at] ?? ''
    const lineEnd = text.indexOf('\r\n', at)
    const count = Number(text.slice(at + 1, lineEnd))
    at = lineEnd < 0 ? text.length : lineEnd + 2
    const items: Node[] = []
    if ('$=!'.includes(type) && count >= 0) at += count + 2
    else if ('*~>%'.includes(type) && count > 0)
      for (let i = 0; i < (type === '%' ? 2 * count : count); i++) items.push(read())
    return { type, raw: text.slice(start, at), items }
  }
  return read()
}

/** What a bulk string holds. */
export const contentOf = ({ raw }: Node): Buffer =>
  Buffer.from(raw.slice(raw.indexOf('\r\n') + 2, -2), 'latin1')

/** What of a reply must be the same on both sides, as text. */
type Look = (reply: Node, args: Command) => string

const exact: Look = ({ raw }) => raw

const HIDDEN: ReadonlyArray<readonly [RegExp, string]> = [
  // Moments in milliseconds: seen-time, and the last delivery in XINFO STREAM FULL.
  [/:1[6-9]\d{11}\r\n/g, ':<moment>\r\n'],
  // The idle time of XPENDING's entries, behind id and consumer.
  [/(\*4\r\n\$\d+\r\n\d+-\d+\r\n\$\d+\r\n[^\r]*\r\n):\d+\r\n/g, '$1:<idle>\r\n'],
  [/(\$4\r\nidle\r\n):\d+\r\n/g, '$1:<idle>\r\n'],
  // How the stream lies in memory: sealed entries are longer.
  [/(\$1[56]\r\nradix-tree-(?:keys|nodes)\r\n):\d+\r\n/g, '$1:<nodes>\r\n'],
]

const withoutTimes: Look = ({ raw }) => HIDDEN.reduce((text, [pattern, to]) => text.replace(pattern, to), raw)

/** Redis promises no order here; `unit` elements belong together. */
const unordered =
  (unit: number): Look =>
  (reply) => {
    const { type, items } = reply
    if (items.length === 0) return reply.raw
    // RESP3 has pairs as arrays of their own, or in a map.
    const size = items.some(({ items: inner }) => inner.length > 0) ? 1 : unit
    const groups: string[] = []
    for (let i = 0; i < items.length; i += size)
      groups.push(
        items
          .slice(i, i + size)
          .map(({ raw }) => raw)
          .join(''),
      )
    return `${type}${items.length} ${groups.sort().join('')}`
  }

/** Random, or of a moment: only kind and size are compared. */
const shape: Look = ({ type, raw, items }) =>
  type === '-' || /^[$*]-1/.test(raw) ? raw : `${type}${items.length}`

/** Only whether there is something. */
const presence: Look = (reply) =>
  reply.type === '-' || /^(_|\$-1)/.test(reply.raw) ? reply.raw : 'something'

/** A step of a scan shows everything only when it starts at the start and asks for enough. */
const scanned =
  (unit: number, countAt: number): Look =>
  (reply, args) => {
    const [cursor, found] = reply.items
    if (cursor === undefined || found === undefined) return reply.raw
    const options = args.slice(countAt).map((arg) => arg.toString('latin1').toUpperCase())
    const whole =
      args[countAt - 1]!.toString() === '0' &&
      options.some((option, i) => option === 'COUNT' && Number(options[i + 1]) >= 100)
    return whole ? `${cursor.raw}${unordered(unit)(found, args)}` : shape(reply, args)
  }

/** Redis keeps an integral score of a small set as an integer, and ZSCAN shows how it is kept. */
const plainScores = (reply: Node): Node => {
  const raw = reply.raw.replace(/\$\d+\r\n(-?\d{17,19})\r\n/g, (_bulk, digits: string) => {
    const text = Number(digits)
      .toExponential()
      .replace(/^(-?\d)e/, '$1e')
    return `$${text.length}\r\n${text}\r\n`
  })
  return raw === reply.raw ? reply : parseReply(Buffer.from(raw, 'latin1'))
}

/**
 * Equal weights come in no order, so with LIMIT it is open which of them come. Texts that differ only behind
 * a NUL, which GET may hide, are equal to strcoll.
 */
const sorted: Look = (reply, args) => {
  if (reply.items.length === 0) return reply.raw
  const words = args.map((arg) => arg.toString('latin1').toUpperCase())
  if (words.includes('BY') || words.includes('GET')) {
    return words.includes('LIMIT') || reply.raw.includes('\0')
      ? shape(reply, args)
      : unordered(1)(reply, args)
  }
  if (!words.includes('ALPHA')) return reply.raw
  return reply.items.map((item) => contentOf(item).toString('latin1').split('\0', 1)[0]).join('\r\n')
}

const LOOKS: Readonly<Record<string, Look>> = {
  smembers: unordered(1),
  sinter: unordered(1),
  sunion: unordered(1),
  sdiff: unordered(1),
  hkeys: unordered(1),
  hvals: unordered(1),
  keys: unordered(1),
  hgetall: unordered(2),
  scan: scanned(1, 2),
  sscan: scanned(1, 3),
  hscan: scanned(2, 3),
  zscan: (reply, args) => scanned(2, 3)(plainScores(reply), args),
  spop: shape,
  srandmember: shape,
  hrandfield: shape,
  zrandmember: shape,
  randomkey: shape,
  time: shape,
  xinfo: withoutTimes,
  xpending: withoutTimes,
  sort: sorted,
  sort_ro: sorted,
  // The names of encodings hang on the history of a key, and the count of references on how its text came
  // about.
  object: presence,
}

/** How far apart two looks at the clock may be, in the unit of the reply. */
const CLOCKS: Readonly<Record<string, number>> = { ttl: 3, expiretime: 3, pttl: 3_000, pexpiretime: 3_000 }

/** Moments are exact up to 285,000 years ahead. */
const FAR_AHEAD = 9_000_000_000_000_000

function nearlySame(name: string, redis: Node, ours: Node): boolean {
  const tolerance = Object.hasOwn(CLOCKS, name) ? CLOCKS[name]! : 0
  if (tolerance === 0 || redis.type !== ':' || ours.type !== ':') return false
  const [a, b] = [redis, ours].map(({ raw }) => Number(raw.slice(1))) as [number, number]
  const far = tolerance > 1_000 ? FAR_AHEAD : FAR_AHEAD / 1_000
  return a >= 0 && b >= 0 && (Math.abs(a - b) <= tolerance || (a > far && b > far))
}

/**
 * Redis repeats what it does not know together with its arguments; ours never shows an argument, and names
 * only as text.
 */
const errorText = (raw: string): string =>
  raw
    .replace(/^(-ERR unknown command )'.*/s, '$1')
    .replace(/^(-ERR unknown subcommand )'.*'/s, '$1')
    .replace(/^(-ERR Unsupported option ).*/s, '$1')
    .replace(/[^ -~]+/g, '?')

/**
 * SORT of Redis 7.0 looks at an errno that it never cleared, so an earlier command may make it fail on good
 * numbers. LCS is refused by the small proto-max-bulk-len that the reference was given.
 */
const ofRedisAlone = (name: string, { raw }: Node): boolean =>
  (name.startsWith('sort') && raw === "-ERR One or more scores can't be converted into double\r\n") ||
  (name === 'lcs' && raw.startsWith('-ERR Insufficient memory, '))

/**
 * Redis keeps the sign of zero in a large sorted set, or one that SORT has looked at, and drops it in a small
 * one.
 */
const withoutNegativeZero = (text: string): string =>
  text.replaceAll('$2\r\n-0\r\n', '$1\r\n0\r\n').replaceAll(',-0\r\n', ',0\r\n')

/** What a script calls for its caller is compared as if it had been asked for itself. */
export function sameReply(given: Command, redis: Node, ours: Node): boolean {
  const args = calledBy(given)
  const name = args[0]!.toString('latin1').toLowerCase()
  if (nearlySame(name, redis, ours) || ofRedisAlone(name, redis)) return true
  if (redis.type === '-' || ours.type === '-') return errorText(redis.raw) === errorText(ours.raw)
  const look = Object.hasOwn(LOOKS, name) ? LOOKS[name]! : exact
  const seen = (reply: Node): string =>
    /^b?z/.test(name) ? withoutNegativeZero(look(reply, args)) : look(reply, args)
  return seen(redis) === seen(ours)
}
