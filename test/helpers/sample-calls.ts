import { createHash } from 'node:crypto'
import { COMMANDS } from '../../src/commands/table.ts'
import type { LeafRow } from '../../src/registry/row.ts'
import { type Argument, parseSyntax } from '../../src/registry/syntax.ts'

type ServedRow = Exclude<LeafRow, { kind: 'refused' }>

/** Every command and subcommand that is served: new rows of the table come by themselves. */
export const leaves = (): ServedRow[] =>
  [...COMMANDS.rows.values()]
    .flatMap((row): LeafRow[] => (row.kind === 'container' ? [...row.subcommands.values()] : [row]))
    .filter((row) => row.kind !== 'refused')

export const dataRows = (): ServedRow[] =>
  leaves().filter(({ kind }) => kind === 'data' || kind === 'keyspace')

/** Where the arguments of generated calls come from; each list is used in turn. */
export interface Pool {
  readonly keys: readonly Buffer[]
  readonly values?: readonly Buffer[]
  readonly patterns?: readonly Buffer[]
}

const NUMBERS: Readonly<Record<string, string>> = {
  cursor: '0',
  'destination-db': '0',
  seconds: '100',
  milliseconds: '100000',
  timeout: '0.01',
  rank: '1',
  offset: '0',
  start: '0',
  stop: '-1',
  end: '-1',
}

/** What the argument `script` is, and `sha1` stands for. */
export const SCRIPTS = [
  "return {KEYS, ARGV, redis.pcall('GET', KEYS[1] or 'string')}",
  "return {redis.pcall('KEYS', '*'), redis.pcall('SCAN', '0'), redis.pcall('SET', 'undeclared', '1')}",
]

/** What `function-code` is; `function` and `library-name` stand for what is in it. */
export const LIBRARY = `#!lua name=sample
redis.register_function('try', function(keys, args) return {keys, args, redis.pcall('GET', keys[1] or 'string')} end)
redis.register_function{function_name='look', flags={'no-writes'}, callback=function(keys)
  return {redis.pcall('KEYS', '*'), redis.pcall('SCAN', '0'), redis.pcall('SET', keys[1] or 'undeclared', '1')}
end}`

/** Arguments of the type `string` that only mean something in a certain form. */
const FORMS: Readonly<Record<string, readonly string[]>> = {
  min: ['-inf', '-', '-'],
  max: ['+inf', '+', '+'],
  id: ['1-1'],
  'last-id': ['0-0'],
  start: ['-'],
  end: ['+'],
  encoding: ['u8'],
  type: ['string', 'list', 'hash', 'set', 'zset'],
  index: ['0'],
  count: ['2'],
  element: [],
  increment: ['1'],
  'min-idle-time': ['0'],
  threshold: ['5'],
  script: SCRIPTS,
  sha1: SCRIPTS.map((script) => createHash('sha1').update(script).digest('hex')),
  'function-code': [
    LIBRARY,
    LIBRARY.replace('sample', 'other').replace("'try'", "'try2'").replace("'look'", "'look2'"),
  ],
  function: ['look', 'try'],
  'library-name': ['sample', 'other'],
  'unix-time-milliseconds': ['4000000000000'],
}

/** Makes one argument list; `decide` says which of so many ways to go at each fork. */
class Generator {
  private readonly pool: Required<Pool>
  private readonly decide: (ways: number) => number
  private used = { keys: 0, values: 0, patterns: 0 }

  constructor(pool: Required<Pool>, decide: (ways: number) => number, offset: number) {
    this.pool = pool
    this.decide = decide
    this.used = { keys: offset, values: offset, patterns: offset }
  }

  sequence(args: readonly Argument[]): Buffer[] {
    const result: Buffer[] = []
    let countAt = -1
    for (const arg of args) {
      if (arg.optional && this.decide(2) === 0) {
        if (countAt >= 0 && arg.type === 'key') result[countAt] = Buffer.from('0')
        continue
      }
      const times = arg.multiple ? 1 + this.decide(2) : 1
      const made: Buffer[] = []
      for (let i = 0; i < times; i++) {
        if (arg.token !== undefined && arg.type !== 'pure-token' && (i === 0 || arg.multipleToken))
          made.push(Buffer.from(arg.token))
        // WAIT counts in milliseconds, whatever blocks in seconds.
        if (arg.name === 'timeout' && args[0]?.name === 'numreplicas') made.push(Buffer.from('1'))
        else made.push(...this.one(arg))
      }
      if (countAt >= 0 && arg.type === 'key') result[countAt] = Buffer.from(String(times))
      countAt = arg.name === 'numkeys' ? result.length : -1
      result.push(...made)
    }
    return result
  }

  private one(arg: Argument): Buffer[] {
    switch (arg.type) {
      case 'key':
        return [this.next('keys')]
      case 'pattern':
        return [this.next('patterns')]
      case 'integer':
        return [Buffer.from(arg.token === 'BLOCK' ? '1' : (NUMBERS[arg.name] ?? '1'))]
      case 'double':
        return [Buffer.from(NUMBERS[arg.name] ?? '1.5')]
      case 'unix-time':
        return [Buffer.from(arg.name.includes('milli') ? '4000000000000' : '4000000000')]
      case 'pure-token':
        return [Buffer.from(arg.token!)]
      case 'oneof':
        return this.sequence([arg.arguments![this.decide(arg.arguments!.length)]!])
      case 'block':
        return this.sequence(arg.arguments!)
      case 'string': {
        const forms = FORMS[arg.name] ?? []
        return [forms.length > 0 ? Buffer.from(forms[this.decide(forms.length)]!) : this.next('values')]
      }
    }
  }

  private next(of: 'keys' | 'values' | 'patterns'): Buffer {
    const list = this.pool[of]
    return list[this.used[of]++ % list.length]!
  }
}

/**
 * Calls of a command with all its options, alternatives and repetitions, each at least once: first without
 * any, then one fork after the other taken differently. `offset` is where in the pool to begin.
 */
export function sampleCalls(row: LeafRow, pool: Pool | readonly Buffer[], offset = 0): Buffer[][] {
  const full: Required<Pool> = {
    values: [Buffer.from('1'), Buffer.from('member')],
    patterns: [Buffer.from('*')],
    ...(isPool(pool) ? pool : { keys: pool }),
  }
  const syntax = parseSyntax(row.syntax)
  const name = row.name.split('|').map((part) => Buffer.from(part))
  const calls = new Map<string, Buffer[]>()
  const generate = (choices: readonly number[]): number[] => {
    const forks: number[] = []
    const decide = (ways: number): number => {
      forks.push(ways)
      return (choices[forks.length - 1] ?? 0) % ways
    }
    const args = [...name, ...new Generator(full, decide, offset).sequence(syntax)]
    calls.set(args.map((arg) => arg.toString('latin1')).join('\u0100'), args)
    return forks
  }
  const explore = (prefix: readonly number[], depth: number): void => {
    const forks = generate(prefix)
    if (depth === 0) return
    for (let at = prefix.length; at < forks.length; at++) {
      for (let way = 1; way < forks[at]!; way++)
        explore([...prefix, ...Array.from({ length: at - prefix.length }, () => 0), way], depth - 1)
    }
  }
  explore([], 2)
  return [...calls.values()]
}

const isPool = (pool: Pool | readonly Buffer[]): pool is Pool => 'keys' in pool && !Array.isArray(pool)
