import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locations } from '../../../../src/automation/location.ts'
import { changesOf, type NativeCommand } from '../../../../src/engine/optimistic/changes.ts'
import { Cell, idOf, type Value } from '../../../../src/engine/plaintext/values.ts'
import { automationOf, stateOf, storedKey } from '../../helpers.ts'

const automation = automationOf()
const { sealer } = automation
const NAME = Buffer.from('k')
/** More arguments than this no script can pass on. */
const MOST_ARGS = 1_001

const seal = (text: string): Buffer => sealer.seal(locations.element(NAME), Buffer.from(text), false)
const open = (sealed: Buffer): string => sealer.open(locations.element(NAME), sealed).bytes.toString()
const namesOf = (commands: readonly NativeCommand[]): string[] => commands.map(([name]) => name)

/** What Redis does to a list with these commands. */
function applied(list: readonly Buffer[], commands: readonly NativeCommand[]): Buffer[] {
  let after = [...list]
  for (const [name, ...args] of commands) {
    const values = args as Buffer[]
    switch (name) {
      case 'DEL':
        after = []
        break
      case 'RPUSH':
        after.push(...values)
        break
      case 'LPUSH':
        after.unshift(...values.toReversed())
        break
      case 'LPOP':
        after.splice(0, Number(args[0]))
        break
      case 'RPOP':
        after.splice(Math.max(0, after.length - Number(args[0])))
        break
      case 'LTRIM':
        after = after.slice(Number(args[0]), Number(args[1]) + 1)
        break
      case 'LSET':
        if (after[Number(args[0])] === undefined) throw new Error('LSET: index out of range')
        after[Number(args[0])] = values[1]!
        break
      case 'LINSERT': {
        const at = after.findIndex((element) => element.equals(values[1]!))
        if (args[0] !== 'BEFORE' || at < 0) throw new Error('LINSERT: no such pivot')
        after.splice(at, 0, values[2]!)
        break
      }
      case 'LREM': {
        const at = after.findIndex((element) => element.equals(values[1]!))
        if (args[0] !== 1 || at < 0) throw new Error('LREM: no such element')
        after.splice(at, 1)
        break
      }
      default:
        throw new Error(`no command on lists: ${name}`)
    }
    // A list that is empty for a moment would be gone, and its TTL with it.
    if (after.length === 0 && name !== 'DEL' && commands.at(-1)![0] !== name) throw new Error(`empty after ${name}`)
  }
  return after
}

function listOf(texts: readonly string[]): { sealed: Buffer[]; stored: ReturnType<typeof storedKey>; cells: Cell[] } {
  const sealed = texts.map(seal)
  const stored = storedKey(automation, NAME, 'list', sealed)
  const value = stored.value()
  if (value?.type !== 'list') throw new Error('no list')
  return { sealed, stored, cells: value.cells }
}

const listChanges = (stored: ReturnType<typeof storedKey>, cells: Cell[]): NativeCommand[] =>
  changesOf(automation, stored, stateOf(NAME, { type: 'list', cells }))

/** One change of a list, as a command makes it; `new` elements are given as texts. */
const change = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), left: fc.boolean(), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('pop' as const), left: fc.boolean(), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('set' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('move' as const), at: fc.nat(), to: fc.nat() }),
  fc.record({ kind: fc.constant('trim' as const), from: fc.nat({ max: 5 }), length: fc.nat({ max: 10 }) }),
)

describe('a list', () => {
  test('becomes the new one by the native commands, whatever was changed', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.array(fc.constantFrom('x', 'y', 'z'), { minLength: 1, maxLength: 12 }), fc.array(change, { maxLength: 5 }), (texts, changes) => {
        const { sealed, stored, cells } = listOf(texts)
        let after = [...cells]
        const fresh = (): Cell => Cell.bytes(Buffer.from(`new ${after.length}`))
        for (const one of changes) {
          const at = 'at' in one ? one.at % Math.max(1, after.length) : 0
          if (one.kind === 'push') after.splice(one.left ? 0 : after.length, 0, ...Array.from({ length: one.count }, fresh))
          else if (one.kind === 'pop') after.splice(one.left ? 0 : Math.max(0, after.length - one.count), one.count)
          else if (one.kind === 'set') after.splice(at, 1, fresh())
          else if (one.kind === 'insert') after.splice(at, 0, fresh())
          else if (one.kind === 'remove') after.splice(at, one.count)
          else if (one.kind === 'trim') after = after.slice(one.from, one.from + one.length)
          else {
            const moved = after.splice(at, 1)
            after.splice(one.to % (after.length + 1), 0, ...moved)
          }
        }
        if (after.length === 0) return
        const commands = listChanges(stored, after)
        for (const name of namesOf(commands)) seen.add(name)
        const result = applied(sealed, commands)
        expect(result.map(open)).toEqual(after.map((cell) => cell.bytes.toString()))
        // What stayed keeps its ciphertext, which later changes find it by.
        const written = new Set(result.map((element) => element.toString('latin1')))
        for (const [i, cell] of cells.entries()) expect(written.has(sealed[i]!.toString('latin1'))).toBe(after.includes(cell))
      }),
      { numRuns: 2_000 },
    )
    expect([...seen].sort()).toEqual(['DEL', 'LINSERT', 'LPOP', 'LPUSH', 'LREM', 'LSET', 'LTRIM', 'RPOP', 'RPUSH'])
  })

  test('costs one command for what is one command', () => {
    const { stored, cells } = listOf(['a', 'b', 'c', 'd', 'e'])
    const fresh = Cell.bytes(Buffer.from('new'))
    const namesAfter = (after: Cell[]): string[] => namesOf(listChanges(stored, after))
    expect(namesAfter([...cells])).toEqual([])
    expect(namesAfter([...cells, fresh])).toEqual(['RPUSH'])
    expect(namesAfter([fresh, ...cells])).toEqual(['LPUSH'])
    expect(namesAfter(cells.slice(1))).toEqual(['LPOP'])
    expect(namesAfter(cells.slice(0, -2))).toEqual(['RPOP'])
    expect(namesAfter(cells.with(2, fresh))).toEqual(['LSET'])
    expect(namesAfter(cells.toSpliced(2, 0, fresh))).toEqual(['LINSERT'])
    expect(namesAfter(cells.toSpliced(2, 1))).toEqual(['LREM'])
    expect(namesAfter(cells.slice(1, -1))).toEqual(['LTRIM'])
    expect(namesAfter([...cells.slice(1), cells[0]!])).toEqual(['LTRIM', 'RPUSH'])
  })

  test('is pushed in commands of at most a thousand arguments, in order', () => {
    const { sealed, stored, cells } = listOf(['a'])
    const many = Array.from({ length: 2_500 }, (_, i) => Cell.bytes(Buffer.from(`e${i}`)))
    for (const after of [[...cells, ...many], [...many, ...cells]]) {
      const commands = listChanges(stored, after)
      expect(commands.map(({ length }) => length)).toEqual([1_001, 1_001, 501])
      expect(applied(sealed, commands).map(open)).toEqual(after.map((cell) => cell.bytes.toString()))
    }
  })
})

/** Names, and what is kept with each: a hash's values, or a sorted set's scores. */
const content = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.integer({ min: 0, max: 3 }), { minKeys: 1 })

describe('a hash, a set and a sorted set', () => {
  const text = (sealed: Buffer): string => sealed.toString('latin1')

  test.each(['hash', 'set', 'zset'] as const)('%s: becomes the new one, by what changed only, and is never empty in between', (type) => {
    const sealName = (name: string): Buffer => (type === 'hash' ? sealer.sealField(Buffer.from(name)) : sealer.sealMember(Buffer.from(name)))
    const place = (name: string) => locations.hashValue(NAME, Buffer.from(name))
    const flat = (of: Record<string, number>): Buffer[] =>
      Object.entries(of).flatMap(([name, value]) => {
        if (type === 'set') return [sealName(name)]
        return [sealName(name), type === 'zset' ? Buffer.from(String(value)) : sealer.seal(place(name), Buffer.from(String(value)), false)]
      })
    fc.assert(
      fc.property(content, content, (before, wanted) => {
        const stored = storedKey(automation, NAME, type, flat(before))
        const had = stored.value()!
        const after: Value =
          had.type === 'hash'
            ? {
                ...had,
                fields: new Map(
                  Object.entries(wanted).map(([name, value]) => {
                    const kept = before[name] === value ? had.fields.get(name) : undefined
                    return [name, kept ?? { name: Buffer.from(name), cell: Cell.bytes(Buffer.from(String(value))) }]
                  }),
                ),
              }
            : had.type === 'zset'
              ? { ...had, members: new Map(Object.entries(wanted).map(([name, score]) => [name, { member: Buffer.from(name), score }])) }
              : { type: 'set', members: new Map(Object.keys(wanted).map((name) => [idOf(Buffer.from(name)), Buffer.from(name)])) }
        const commands = changesOf(automation, stored, stateOf(NAME, after))
        const lying = new Map(Object.entries(before).map(([name, value]) => [text(sealName(name)), String(value)]))
        let written = 0
        for (const [name, ...args] of commands) {
          const values = args as Buffer[]
          if (name === 'SADD') for (const member of values) lying.set(text(member), '')
          else if (name === 'HSET') {
            for (let i = 0; i < values.length; i += 2, written++) {
              const field = sealer.openField(values[i]!).toString()
              lying.set(text(values[i]!), sealer.open(place(field), values[i + 1]!).bytes.toString())
            }
          } else if (name === 'ZADD') for (let i = 0; i < args.length; i += 2, written++) lying.set(text(values[i + 1]!), String(args[i]))
          else if (['HDEL', 'SREM', 'ZREM'].includes(name)) for (const member of values) expect(lying.delete(text(member))).toBe(true)
          else throw new Error(`unexpected: ${name}`)
          expect(lying.size).toBeGreaterThan(0)
        }
        const expected = Object.entries(wanted).map(([name, value]) => [text(sealName(name)), type === 'set' ? '' : String(value)])
        const result = [...lying].map(([name, value]) => [name, type === 'set' ? '' : value])
        expect(Object.fromEntries(result)).toEqual(Object.fromEntries(expected))
        if (type !== 'set') expect(written).toBe(Object.entries(wanted).filter(([name, value]) => before[name] !== value).length)
      }),
    )
  })
})

describe('a key', () => {
  const string = (text: string): Value => ({ type: 'string', cell: Cell.bytes(Buffer.from(text)) })
  const storedString = (expireAt = 0) =>
    storedKey(automation, NAME, 'string', sealer.seal(locations.string(NAME), Buffer.from('v'), false), { expireAt })
  const absent = storedKey(automation, NAME, 'none', null)

  test('that is gone is deleted, if it is there', () => {
    expect(changesOf(automation, storedString(), stateOf(NAME, undefined))).toEqual([['DEL']])
    expect(changesOf(automation, absent, stateOf(NAME, undefined))).toEqual([])
  })

  test('that has not changed is not written', () => {
    const stored = storedString(9_000)
    expect(changesOf(automation, stored, stateOf(NAME, stored.value(), { expireAt: 9_000 }))).toEqual([])
  })

  test.each([
    ['a new string', 0, 0, ['SET']],
    ['a string with the TTL that it had', 9_000, 9_000, ['SET KEEPTTL']],
    ['a string that loses its TTL', 9_000, 0, ['SET']],
    ['a string with another TTL', 9_000, 9_500, ['SET', 'PEXPIREAT 9500']],
    ['a string that gets a TTL', 0, 9_500, ['SET', 'PEXPIREAT 9500']],
  ])('%s', (_title, had, has, expected) => {
    const commands = changesOf(automation, storedString(had), stateOf(NAME, string('new'), { expireAt: has }))
    expect(commands.map(([name, ...args]) => [name, ...args.filter((arg) => !Buffer.isBuffer(arg))].join(' '))).toEqual(expected)
  })

  test('of which only the TTL changed has only that written', () => {
    const stored = storedString(9_000)
    expect(changesOf(automation, stored, stateOf(NAME, stored.value()))).toEqual([['PERSIST']])
    expect(changesOf(automation, stored, stateOf(NAME, stored.value(), { expireAt: 9_500 }))).toEqual([['PEXPIREAT', 9_500]])
  })

  test('that was put there as a whole, or is of another type, is written anew, with its TTL', () => {
    const set: Value = { type: 'set', members: new Map([['m', Buffer.from('m')]]) }
    for (const changed of [{ replaced: true }, { fresh: true }]) {
      const commands = changesOf(automation, storedString(9_000), stateOf(NAME, set, { ...changed, expireAt: 9_000 }))
      expect(namesOf(commands)).toEqual(['DEL', 'SADD', 'PEXPIREAT'])
    }
    expect(namesOf(changesOf(automation, absent, stateOf(NAME, set)))).toEqual(['SADD'])
  })

  test('with thousands of fields is written in commands that keep pairs together', () => {
    const fields = new Map(Array.from({ length: 1_700 }, (_, i) => [`f${i}`, { name: Buffer.from(`f${i}`), cell: Cell.bytes(Buffer.from('v')) }]))
    const commands = changesOf(automation, absent, stateOf(NAME, { type: 'hash', fields, partial: undefined }))
    for (const [name, ...args] of commands) expect([name, args.length % 2, args.length < MOST_ARGS]).toEqual(['HSET', 0, true])
    expect(commands.reduce((sum, { length }) => sum + length - 1, 0)).toBe(3_400)
  })
})
