import { describe, expect, test } from 'vitest'
import { type Argument, parseSyntax } from '../../src/registry/syntax.ts'
import { useRedis70 } from './lib/redis-70.ts'

/** An argument as redis.io writes it. */
function render(arg: Argument): string {
  const children = (arg.arguments ?? []).map(render)
  const bodies: Partial<Record<Argument['type'], string>> = {
    'pure-token': '',
    oneof: children.join(' | '),
    block: children.join(' '),
  }
  const body = bodies[arg.type] ?? arg.name
  const token = arg.token === '' ? '""' : (arg.token ?? '')
  const bracketed = arg.type === 'oneof' && (arg.token !== undefined || !arg.optional) ? `<${body}>` : body
  const whole = [token, bracketed].filter((part) => part !== '').join(' ')
  const again = arg.multipleToken || token === '' ? whole : bracketed
  const text = arg.multiple ? `${whole} [${again} ...]` : whole
  return arg.optional ? `[${text}]` : text
}

/**
 * What a hint is drawn from: the structure, without the names that are never shown or a block around one
 * part.
 */
function shown(arg: Argument): unknown {
  const { name, type, token, optional, multiple, multipleToken, arguments: parts } = arg
  const only = parts?.length === 1 ? parts[0] : undefined
  if (only && type === 'block') {
    return shown({
      ...only,
      token: token ?? only.token,
      optional,
      multiple: multiple ?? only.multiple,
    } as Argument)
  }
  const hidden = type === 'oneof' || type === 'block' || type === 'pure-token'
  return [hidden ? type : name, { token, optional, multiple, multipleToken }, parts?.map(shown)]
}

describe('against Redis', () => {
  const call = useRedis70()

  const toMap = (flat: unknown[]): Map<string, unknown> =>
    new Map(flat.flatMap((k, i) => (i % 2 === 0 ? [[String(k), flat[i + 1]]] : [])))

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

  // `[TO host port [FORCE]]`: the line does not say whether the last option belongs to the token, nor that
  // XTRIM's options are one block. The hint is the same.
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
