import { MapReply, type Reply, SetReply, SimpleString } from '../reply/reply.ts'
import { type Item, isToken, readItems } from './syntax-items.ts'

/**
 * The arguments of a command as COMMAND DOCS describes them, made from the one-line syntax that redis.io
 * shows. redis-cli 7.2 and newer draws its hints from them. Source:
 * https://redis.io/docs/latest/develop/reference/command-arguments/
 */
export type ArgumentType =
  | 'string'
  | 'integer'
  | 'double'
  | 'key'
  | 'pattern'
  | 'unix-time'
  | 'pure-token'
  | 'oneof'
  | 'block'

export interface Argument {
  readonly name: string
  readonly type: ArgumentType
  /** The literal before the argument; of a `pure-token` it is the whole argument. */
  readonly token?: string
  readonly optional?: true
  readonly multiple?: true
  /** With `multiple`: the token is repeated with each value. */
  readonly multipleToken?: true
  /** Of a `oneof` the choices, of a `block` its parts. */
  readonly arguments?: readonly Argument[]
}

/**
 * Types by argument name, where the guess would be wrong: redis-cli drops its hint when a value does not look
 * like its type.
 */
export type ArgumentTypes = Readonly<Record<string, ArgumentType>>

/**
 * Parses `key value [NX | XX] [EX seconds | KEEPTTL]`. Throws on a syntax that is not well formed: it is our
 * own text.
 */
export function parseSyntax(syntax: string, types: ArgumentTypes = {}): Argument[] {
  const alternatives = readItems(syntax)
  return buildAlternatives(alternatives, types)
}

const INTEGERS = new Set(
  (
    'seconds milliseconds count index offset start stop end numkeys cursor increment decrement rank len bit port numreplicas numlocal ' +
    'min-match-len num-matches maxlen limit entries-read entries-added client-id db destination-db protover'
  ).split(' '),
)
const DOUBLES = new Set(['score', 'timeout', 'weight', 'longitude', 'latitude', 'radius', 'width', 'height'])

function guessType(name: string, types: ArgumentTypes): ArgumentType {
  const known = Object.hasOwn(types, name) ? types[name] : undefined
  if (known !== undefined) return known
  if (/^(new|dest|dst|src|source|destination)?-?key\d*$|^(src|dst|source|destination)$/.test(name))
    return 'key'
  if (name.startsWith('unix-time')) return 'unix-time'
  if (name === 'pattern') return 'pattern'
  if (INTEGERS.has(name)) return 'integer'
  return DOUBLES.has(name) ? 'double' : 'string'
}

const SYMBOL_NAMES: ReadonlyMap<string, string> = new Map([
  ['=', 'equal'],
  ['~', 'approximately'],
  ['*', 'auto-id'],
  ['$', 'new-id'],
])

const pureToken = (token: string): Argument => ({
  name: SYMBOL_NAMES.get(token) ?? token.toLowerCase(),
  type: 'pure-token',
  token,
})

/** Names that Redis gives to its usual choices; they are never shown in a hint. */
const CHOICE_NAMES: ReadonlyMap<string, string> = new Map([
  ['nx_xx', 'condition'],
  ['gt_lt', 'comparison'],
  ['left_right', 'where'],
  ['before_after', 'where'],
  ['asc_desc', 'order'],
  ['byscore_bylex', 'sortby'],
  ['maxlen_minid', 'strategy'],
  ['equal_approximately', 'operator'],
])

function joinNames(args: readonly Argument[]): string {
  const required = args.filter((arg) => !arg.optional)
  return (required.length > 0 ? required : args).map((arg) => arg.name).join('_')
}

const block = (args: readonly Argument[]): Argument => ({
  name: joinNames(args),
  type: 'block',
  arguments: args,
})

/** One argument for a sequence: itself when it has one part. */
const single = (args: readonly Argument[]): Argument =>
  args.length === 1 ? (args[0] as Argument) : block(args)

function choice(args: readonly Argument[]): Argument {
  const joined = joinNames(args)
  const name = /(^|_)(seconds|milliseconds)(_|$)/.test(joined)
    ? 'expiration'
    : (CHOICE_NAMES.get(joined) ?? joined)
  return { name, type: 'oneof', arguments: args }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

function buildAlternatives(alternatives: readonly (readonly Item[])[], types: ArgumentTypes): Argument[] {
  if (alternatives.length === 1) return buildSequence(alternatives[0] as readonly Item[], types)
  // `a | b [a | b ...]` repeats the whole choice, as in BITFIELD.
  const last = alternatives.at(-1) as readonly Item[]
  const tail = last.at(-1)
  if (tail?.kind === 'group' && tail.repeated) {
    const once = [...alternatives.slice(0, -1), last.slice(0, -1)]
    if (same(tail.alternatives, once))
      return [{ ...(buildAlternatives(once, types)[0] as Argument), multiple: true }]
  }
  return [choice(alternatives.map((items) => single(buildSequence(items, types))))]
}

function buildSequence(items: readonly Item[], types: ArgumentTypes): Argument[] {
  const args: Argument[] = []
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Item
    if (item.kind === 'group') {
      addGroup(args, item, types)
    } else if (isToken(item)) {
      const values = valuesAfter(items, i + 1)
      args.push(withToken(item.text, buildSequence(values, types)))
      i += values.length
    } else {
      args.push({ name: item.text, type: guessType(item.text, types) })
    }
  }
  return args
}

/**
 * What belongs to the token before `from`: one `<choice>`, or all names up to the next token or option,
 * repetitions included.
 */
function valuesAfter(items: readonly Item[], from: number): readonly Item[] {
  const first = items[from]
  if (first?.kind === 'group' && !first.optional) return [first]
  let to = from
  for (let item = items[to]; item !== undefined; item = items[++to]) {
    const repeats = item.kind === 'group' && item.repeated && to > from ? item.alternatives[0]?.[0] : item
    if (repeats === undefined || repeats.kind === 'group' || isToken(repeats)) break
  }
  return items.slice(from, to)
}

function withToken(token: string, values: readonly Argument[]): Argument {
  if (values.length === 0) return pureToken(token)
  const value =
    values.length === 1 && values[0]?.token === undefined ? (values[0] as Argument) : block(values)
  const { name, type, ...rest } = value
  return { name, type, token, ...rest }
}

function addGroup(args: Argument[], group: Item & { kind: 'group' }, types: ArgumentTypes): void {
  const body = buildAlternatives(group.alternatives, types)
  if (!group.repeated) {
    args.push(group.optional ? { ...single(body), optional: true } : single(body))
    return
  }
  const before = args.slice(-body.length)
  if (!same(before, body)) {
    args.push({ ...single(body), optional: true, multiple: true })
    return
  }
  const repeated = single(body)
  args.splice(-body.length, body.length, {
    ...repeated,
    multiple: true,
    ...(repeated.token === undefined ? {} : { multipleToken: true as const }),
  })
}

/** The `arguments` array of COMMAND DOCS. Flags are simple strings: redis-cli aborts on anything else. */
export const argumentReply = (args: readonly Argument[]): Reply => args.map(oneReply)

function oneReply(arg: Argument): Reply {
  const flat: Reply[] = ['name', arg.name, 'type', arg.type]
  if (arg.token !== undefined) flat.push('token', arg.token)
  const flags: string[] = []
  if (arg.optional) flags.push('optional')
  if (arg.multiple) flags.push('multiple')
  if (arg.multipleToken) flags.push('multiple_token')
  if (flags.length > 0) flat.push('flags', new SetReply(flags.map((flag) => new SimpleString(flag))))
  if (arg.arguments) flat.push('arguments', argumentReply(arg.arguments))
  return new MapReply(flat)
}
