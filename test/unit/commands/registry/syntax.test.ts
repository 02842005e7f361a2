import { describe, expect, test } from 'vitest'
import { type Argument, argumentReply, parseSyntax } from '../../../../src/commands/registry/syntax.ts'
import { MapReply, SetReply, SimpleString } from '../../../../src/reply/reply.ts'
import { useRedis70 } from '../../../conformance/lib/redis-70.ts'

const key = { name: 'key', type: 'key' }
const pure = (token: string) => ({ name: token.toLowerCase(), type: 'pure-token', token })

describe('parseSyntax', () => {
  test('names, choices and tokens', () => {
    expect(parseSyntax('key value [NX | XX] [GET] [EX seconds | PXAT unix-time-milliseconds | KEEPTTL]')).toEqual([
      key,
      { name: 'value', type: 'string' },
      { name: 'condition', type: 'oneof', arguments: [pure('NX'), pure('XX')], optional: true },
      { ...pure('GET'), optional: true },
      {
        name: 'expiration',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'seconds', type: 'integer', token: 'EX' },
          { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
          pure('KEEPTTL'),
        ],
      },
    ])
  })

  test('repetition: one argument, a block, an optional one, one with its token', () => {
    expect(parseSyntax('key [key ...]')).toEqual([{ ...key, multiple: true }])
    expect(parseSyntax('score member [score member ...]')).toMatchObject([{ name: 'score_member', type: 'block', multiple: true }])
    expect(parseSyntax('[key [key ...]]')).toEqual([{ ...key, multiple: true, optional: true }])
    expect(parseSyntax('[GET pattern [GET pattern ...]]')).toEqual([
      { name: 'pattern', type: 'pattern', token: 'GET', optional: true, multiple: true, multipleToken: true },
    ])
    expect(parseSyntax('[KEYS key [key ...]]')).toEqual([{ name: 'key', type: 'key', token: 'KEYS', optional: true, multiple: true }])
  })

  test('a token takes all that follows it, or one choice', () => {
    expect(parseSyntax('[LIMIT offset count]')).toMatchObject([{ name: 'offset_count', type: 'block', token: 'LIMIT', optional: true }])
    expect(parseSyntax('STREAMS key [key ...] id [id ...]')).toMatchObject([
      { type: 'block', token: 'STREAMS', arguments: [{ name: 'key', multiple: true }, { name: 'id', multiple: true }] },
    ])
    expect(parseSyntax('[AGGREGATE <SUM | MIN>] [WITHSCORES]')).toMatchObject([
      { type: 'oneof', token: 'AGGREGATE', optional: true, arguments: [pure('SUM'), pure('MIN')] },
      { token: 'WITHSCORES', optional: true },
    ])
  })

  test('types can be given where the guess would be wrong', () => {
    expect(parseSyntax('key start end', { start: 'string', end: 'string' }).map((arg) => arg.type)).toEqual(['key', 'string', 'string'])
    expect(parseSyntax('constructor')).toEqual([{ name: 'constructor', type: 'string' }])
  })

  test.each(['key [NX', 'key ]', 'a <b ...>', '[a ... b]', '[a |]', 'key ...'])('refuses %j', (syntax) => {
    expect(() => parseSyntax(syntax)).toThrow('malformed command syntax')
  })
})

test('argumentReply nests maps, with flags as a set of simple strings', () => {
  expect(argumentReply(parseSyntax('key [COUNT count [ANY]] [GET pattern [GET pattern ...]]'))).toEqual([
    new MapReply(['name', 'key', 'type', 'key']),
    new MapReply([
      ...['name', 'count', 'type', 'block', 'flags', new SetReply([new SimpleString('optional')])],
      'arguments',
      [
        new MapReply(['name', 'count', 'type', 'integer', 'token', 'COUNT']),
        new MapReply(['name', 'any', 'type', 'pure-token', 'token', 'ANY', 'flags', new SetReply([new SimpleString('optional')])]),
      ],
    ]),
    new MapReply([
      ...['name', 'pattern', 'type', 'pattern', 'token', 'GET', 'flags'],
      new SetReply(['optional', 'multiple', 'multiple_token'].map((flag) => new SimpleString(flag))),
    ]),
  ])
})

/** An argument as redis.io writes it. */
function render(arg: Argument): string {
  const children = (arg.arguments ?? []).map(render)
  const bodies: Partial<Record<Argument['type'], string>> = { 'pure-token': '', oneof: children.join(' | '), block: children.join(' ') }
  const body = bodies[arg.type] ?? arg.name
  const token = arg.token === '' ? '""' : (arg.token ?? '')
  const bracketed = arg.type === 'oneof' && (arg.token !== undefined || !arg.optional) ? `<${body}>` : body
  const whole = [token, bracketed].filter((part) => part !== '').join(' ')
  const again = arg.multipleToken || token === '' ? whole : bracketed
  const text = arg.multiple ? `${whole} [${again} ...]` : whole
  return arg.optional ? `[${text}]` : text
}

/** What a hint is drawn from: the structure, without the names that are never shown or a block around one part. */
function shown(arg: Argument): unknown {
  const { name, type, token, optional, multiple, multipleToken, arguments: parts } = arg
  const only = parts?.length === 1 ? parts[0] : undefined
  if (only && type === 'block') {
    return shown({ ...only, token: token ?? only.token, optional, multiple: multiple ?? only.multiple } as Argument)
  }
  const hidden = type === 'oneof' || type === 'block' || type === 'pure-token'
  return [hidden ? type : name, { token, optional, multiple, multipleToken }, parts?.map(shown)]
}

describe('against Redis', () => {
  const call = useRedis70()

  const toMap = (flat: unknown[]): Map<string, unknown> => new Map(flat.flatMap((k, i) => (i % 2 === 0 ? [[String(k), flat[i + 1]]] : [])))

  function fromDocs(flat: unknown[]): Argument {
    const docs = toMap(flat)
    const flags = ((docs.get('flags') as unknown[] | undefined) ?? []).map(String)
    const parts = docs.get('arguments') as unknown[][] | undefined
    return {
      name: String(docs.get('name')),
      type: String(docs.get('type')) as Argument['type'],
      ...(docs.has('token') ? { token: String(docs.get('token')) } : {}),
      ...(flags.includes('optional') ? { optional: true as const } : {}),
      ...(flags.includes('multiple') ? { multiple: true as const } : {}),
      ...(flags.includes('multiple_token') ? { multipleToken: true as const } : {}),
      ...(parts ? { arguments: parts.map(fromDocs) } : {}),
    }
  }

  /** Every command and subcommand with arguments. */
  function* described(docs: Map<string, unknown>): Generator<[string, Argument[]]> {
    for (const [name, flat] of docs) {
      const one = toMap(flat as unknown[])
      if (one.has('arguments')) yield [name, (one.get('arguments') as unknown[][]).map(fromDocs)]
      if (one.has('subcommands')) yield* described(toMap(one.get('subcommands') as unknown[]))
    }
  }

  // `[TO host port [FORCE]]`: the line does not say whether the last option belongs to the token, nor that XTRIM's options are one
  // block. The hint is the same.
  const AMBIGUOUS = ['failover', 'geosearch', 'geosearchstore', 'xinfo|stream', 'xtrim']

  test('the syntax of every command parses back to what COMMAND DOCS says', async () => {
    const all = [...described(toMap((await call('COMMAND', 'DOCS')) as unknown[]))]
    expect(all.length).toBeGreaterThan(200)
    const different: string[] = []
    for (const [name, args] of all) {
      const syntax = args.map(render).join(' ')
      const parsed = parseSyntax(syntax)
      expect(parsed.map(render).join(' ')).toBe(syntax)
      if (JSON.stringify(parsed.map(shown)) !== JSON.stringify(args.map(shown))) different.push(name)
    }
    expect(different.sort()).toEqual(AMBIGUOUS)
  })
})
