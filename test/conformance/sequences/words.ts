import fc from 'fast-check'
import { type Item, isToken, readItems, type SyntaxGroup } from '../../../src/registry/syntax-items.ts'

export type Command = readonly Buffer[]

/** Text, with one character for each byte. */
type Words = fc.Arbitrary<readonly string[]>

const weighted = (
  ...pools: ReadonlyArray<readonly [weight: number, pool: readonly string[]]>
): fc.Arbitrary<string> =>
  fc.oneof(...pools.map(([weight, pool]) => ({ weight, arbitrary: fc.constantFrom(...pool) })))

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

/** All families share them, so that most commands meet a key of another type now and then. */
export const KEYS = ['a', 'b', 'c', 'd', 'e', 'k:1', 'k:2', '', '\xff\x00\r\n']

/** Somebody listens to them. */
export const CHANNELS = ['news', 'other']

/** Keys of HyperLogLogs only: the two sides' sketches differ. */
export const SKETCHES = ['sketch:1', 'sketch:2']

const key = weighted([12, ['a', 'b', 'c']], [3, ['d', 'e', 'k:1']], [1, ['', '\xff\x00\r\n']])

/** What is nearly an integer, or at an edge of 64 (or 53) bits. */
const EDGES = [
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '-9223372036854775809',
  '9007199254740993',
  '-9007199254740993',
  '4294967296',
  '2147483648',
  '+1',
  '-0',
  '01',
  ' 1',
  '1 ',
  '',
  '1.0',
  '1e3',
  '0x10',
  'abc',
  'nan',
  'inf',
  '\xff',
  '1\x00',
]

/**
 * C cannot negate the lowest integer: Redis 7.0 goes on with whatever comes out, later ones refuse it as a
 * rank, as ours does.
 */
const NEGATABLE = EDGES.filter((text) => text !== '-9223372036854775808')

const index = weighted([10, numbers(-3, 4)], [2, ['-100', '100', '-7', '9']], [2, EDGES])
const count = weighted([10, numbers(0, 4)], [3, ['100', '-1', '-2']], [2, EDGES])
const increment = weighted([6, numbers(-2, 3)], [2, ['100', '-1000']], [2, EDGES])

const FLOATS = ['0', '1', '-1', '2', '3', '0.5', '-2.25', '1.5']
const FLOAT_EDGES = [
  '-0',
  '0.1',
  '0.2',
  '1e308',
  '-1e308',
  '1e-308',
  '5e-324',
  '1e17',
  '123456789012345678',
  'inf',
  '-inf',
  '+inf',
  'nan',
  'infinity',
  '3.0',
  '1e5',
  '.5',
  '5.',
  ' 1',
  '1 ',
  '+1',
  '01',
  '',
  'abc',
  '0x1p3',
  '1e400',
  '9223372036854775807',
  '1\x00',
]
const float = weighted([8, FLOATS], [3, FLOAT_EDGES])
const score = weighted([10, FLOATS], [3, FLOAT_EDGES])

const LONG = 'long '.repeat(40)
const value = weighted(
  [6, ['x', 'y', 'z', 'hello', '']],
  [6, ['0', '1', '10', '-5', '3.5']],
  [2, EDGES],
  [2, FLOAT_EDGES],
  [2, ['\x00\x01\xfe\xff', '\r\n', '{"a":[1,2]}', '[1,2]', '"quoted"', 'null', LONG]],
)
const member = weighted(
  [10, ['x', 'y', 'z', 'w', '']],
  [4, ['1', '2', '10', '-3']],
  [1, ['\x00', '\xff', '01', '1.0', 'aa', 'ab', 'a b']],
)

const pattern = weighted(
  [6, ['*', 'a*', '?', '[a-c]', 'x', 'k:*']],
  [2, ['', '[^a]', '\\*', '*\xff*', '[', '**', 'h[', '[z-a]', '\\']],
)
const cursor = weighted(
  [10, ['0']],
  [1, ['1', '5', '18446744073709551615', '18446744073709551616', '-1', 'abc', '', ' 1']],
)

const rank = weighted([8, ['0', '-1', '1', '-2', '2', '5', '-7']], [1, EDGES])
const scoreBound = weighted(
  [8, ['-inf', '+inf', '0', '1', '(1', '2', '(2', '-1', '0.5']],
  [2, ['(inf', '(-inf', '', '(', 'abc', 'nan', '(nan', '1 ', '((1', '[1']],
)
const lexBound = weighted(
  [8, ['-', '+', '[x', '(x', '[y', '(z', '[', '(', '[1']],
  [2, ['x', '', '-1', '+\x00', '[\xff', '-x']],
)

// Times are long past, or so far ahead that nothing expires while a sequence runs: no two looks at a clock
// can change a reply.
const seconds = weighted([8, ['100', '1000', '100000']], [4, ['-1', '0', '-100']], [2, EDGES])
const milliseconds = weighted([8, ['100000', '1000000', '99999999']], [4, ['-1', '0', '-100000']], [2, EDGES])
const unixSeconds = weighted(
  [8, ['33177117420', '33177117421', '4000000000']],
  [4, ['1', '0', '-1']],
  [1, EDGES],
)
const unixMilliseconds = weighted(
  [8, ['33177117420000', '33177117420001', '4000000000123']],
  [4, ['1', '0', '-1']],
  [1, EDGES],
)

const streamId = weighted(
  [10, ['1-1', '2-1', '3-0', '5-5', '5', '7-*', '0-0', '0']],
  [3, ['-', '+', '(1-1', '$', '>', '(5']],
  [
    1,
    ['18446744073709551615-18446744073709551615', '18446744073709551616-0', 'abc', '-1', '1-', '', '1-1-1'],
  ],
)

/** Where the words of a syntax come from. Names that are not here are taken for values. */
const POOLS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  index,
  start: fc.oneof(index, { weight: 1, arbitrary: streamId }),
  stop: rank,
  end: fc.oneof(index, { weight: 1, arbitrary: streamId }),
  offset: weighted(
    [8, numbers(0, 12)],
    [1, ['100', '1048575', '1048576', '-1', '#1', ...EDGES.filter((text) => text !== '2147483648')]],
  ),
  count,
  'num-matches': count,
  len: count,
  'min-match-len': count,
  rank: weighted([8, ['1', '-1', '2', '-2']], [1, ['0', ...NEGATABLE]]),
  increment,
  decrement: increment,
  float,
  score,
  weight: float,
  number: weighted([5, numbers(-3, 5)], [2, EDGES]),
  value,
  element: fc.oneof({ weight: 4, arbitrary: member }, { weight: 1, arbitrary: value }),
  pivot: member,
  message: value,
  channel: weighted([6, CHANNELS], [1, ['nobody', '']]),
  member,
  field: member,
  pattern,
  cursor,
  min: fc.oneof(scoreBound, lexBound, rank),
  max: fc.oneof(scoreBound, lexBound, rank),
  rankend: rank,
  scorebound: scoreBound,
  lexbound: lexBound,
  few: fc.constantFrom('0', '1', '2', '3', '-1', '-2', '-4', '100', 'abc', '', '1.5'),
  seconds,
  milliseconds,
  'unix-time-seconds': unixSeconds,
  'unix-time-milliseconds': unixMilliseconds,
  'destination-db': weighted([5, ['0']], [1, ['1', 'abc', '-1']]),
  type: weighted([5, ['string', 'list', 'hash', 'set', 'zset', 'stream']], [1, ['none', 'LIST', 'x']]),
  id: streamId,
  'last-id': streamId,
  'max-deleted-id': streamId,
  threshold: fc.oneof(count, streamId),
  group: fc.constantFrom('g', 'h', 'nope'),
  consumer: fc.constantFrom('c1', 'c2'),
  'min-idle-time': fc.constantFrom('0', '0', '0', '3600000', '-1', 'abc'),
  ms: fc.constantFrom('0', '1000', '-1', 'x'),
  'entries-added': count,
  'entries-read': count,
  bit: weighted([8, ['0', '1']], [1, ['2', '-1', 'x', '']]),
  encoding: weighted(
    [8, ['u8', 'i8', 'u4', 'i5', 'i64', 'u63', 'u1', 'u16']],
    [1, ['u64', 'i65', 'u0', 'x8', '', 'i', 'u-1']],
  ),
  brief: weighted([10, ['0.001']], [1, ['-1', 'abc']]),
  sketch: fc.constantFrom(...SKETCHES),
  letter: fc.constantFrom('a', 'b', 'c', 'd', '', '\xff'),
  'key-of-one': fc.constantFrom('k:1', 'k:2'),
  by: fc.constantFrom('nosort', 'k:*', 'a->*', '*->1', '#'),
  get: fc.constantFrom('#', 'k:*', 'a->*', 'b->*', '*', 'x'),
  new: fc.constant('>'),
  zeros: fc.constantFrom('0', '00', '\x00\x00\x00', '\xff\xff', '\x00\xff\xf0', 'foobar', ''),
}

const isKey = (name: string): boolean =>
  /^(new|dest|dst|src|source|destination)?-?key\d*$|^(src|dst|source|destination|destkey)$/.test(name)

function wordOf(name: string): Words {
  if (isKey(name)) return key.map((text) => [text])
  return (Object.hasOwn(POOLS, name) ? POOLS[name]! : value).map((text) => [text])
}

const joined = (parts: readonly Words[]): Words => fc.tuple(...parts).map((words) => words.flat())

function groupOf(group: SyntaxGroup): Words {
  const body = fc.oneof(...group.alternatives.map(sequenceOf))
  if (!group.optional) return body
  if (group.repeated) return fc.array(body, { maxLength: 2, size: 'max' }).map((words) => words.flat())
  return fc.oneof(fc.constant([]), body)
}

/** `numkeys key [key ...]`: mostly as many keys as it says. */
const countedKeys: Words = fc
  .tuple(
    fc.array(key, { minLength: 1, maxLength: 3, size: 'max' }),
    weighted([12, ['']], [1, ['0', '-1', '1', '2', '5', 'x', '9223372036854775807']]),
  )
  .map(([keys, wrong]) => [wrong === '' ? String(keys.length) : wrong, ...keys])

/** Options that may stand in any order. */
const isOption = (item: Item | undefined): item is SyntaxGroup =>
  item?.kind === 'group' && item.optional && !item.repeated

function sequenceOf(items: readonly Item[]): Words {
  const parts: Words[] = []
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!
    if (item.kind === 'word' && item.text === 'numkeys') {
      parts.push(countedKeys)
      i += 2
    } else if (item.kind === 'word') parts.push(isToken(item) ? fc.constant([item.text]) : wordOf(item.text))
    else if (isOption(item) && isOption(items[i + 1])) {
      const options: SyntaxGroup[] = []
      while (isOption(items[i])) options.push(items[i++] as SyntaxGroup)
      i--
      const alone = options.map((option) => fc.oneof(...option.alternatives.map(sequenceOf)))
      parts.push(
        fc.shuffledSubarray(alone.map((_, n) => n)).chain((chosen) => joined(chosen.map((n) => alone[n]!))),
      )
    } else parts.push(groupOf(item))
  }
  return joined(parts)
}

const toCommand = (words: readonly string[]): Command => words.map((text) => Buffer.from(text, 'latin1'))

/**
 * Arguments by the one-line syntax of a command (or a stricter one of a test's own), behind the words of its
 * name.
 */
export function callsOf(name: string, syntax: string): fc.Arbitrary<Command> {
  const args = fc.oneof(...readItems(syntax).map(sequenceOf))
  return args.map((words) => toCommand([...name.split(/[ |]/), ...words]))
}

/** One template a line: the name in capitals, then its syntax. A line may begin with its weight. */
export function templates(lines: string): fc.Arbitrary<Command> {
  const rows = lines
    .trim()
    .split('\n')
    .map((line) => {
      const [, weight = '', name = '', syntax = ''] = /^\s*(\d*)\s*(\S+)\s*(.*)$/.exec(line)!
      return { weight: Number(weight || 2), arbitrary: callsOf(name, syntax) }
    })
  return fc.oneof(...rows)
}

/** As a careless client would send it: an argument too few or too many, or another one in its place. */
export const damaged = (commands: fc.Arbitrary<Command>): fc.Arbitrary<Command> =>
  fc
    .tuple(commands, fc.constantFrom('drop', 'add', 'replace', 'lower'), fc.nat(6), value)
    .map(([args, how, at, text]) => {
      const other = Buffer.from(text, 'latin1')
      const place = 1 + (at % Math.max(1, args.length - 1))
      if (how === 'lower')
        return [Buffer.from(args[0]!.toString('latin1').toLowerCase(), 'latin1'), ...args.slice(1)]
      if (how === 'add') return [...args, other]
      return [...args.slice(0, place), ...(how === 'replace' ? [other] : []), ...args.slice(place + 1)]
    })
