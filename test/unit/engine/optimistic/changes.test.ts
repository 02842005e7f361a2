import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locations } from '../../../../src/automation/location.ts'
import { changesOf } from '../../../../src/engine/optimistic/changes.ts'
import { Cell } from '../../../../src/engine/plaintext/cell.ts'
import { Unseen, type Value } from '../../../../src/engine/plaintext/values.ts'
import type { NativeCommand } from '../../../../src/engine/writes/native-command.ts'
import { idOf } from '../../../../src/lib/id.ts'
import { automationOf, stateOf, storedKey } from '../../helpers.ts'

const automation = automationOf()
const { sealer } = automation
const NAME = Buffer.from('k')
/** With the command's name; more than that no script can pass on. */
const MOST_ARGS = 1_001

const namesOf = (commands: readonly NativeCommand[]): string[] => commands.map(([name]) => name)

/** Names, and what is kept with each: a hash's values, or a sorted set's scores. */
const content = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.integer({ min: 0, max: 3 }), {
  minKeys: 1,
})

describe('a hash, a set and a sorted set', () => {
  const text = (sealed: Buffer): string => sealed.toString('latin1')

  test.each(['hash', 'set', 'zset'] as const)(
    '%s: becomes the new one, by what changed only, and is never empty in between',
    (type) => {
      const sealName = (name: string): Buffer =>
        type === 'hash' ? sealer.sealField(Buffer.from(name)) : sealer.sealMember(Buffer.from(name))
      const place = (name: string) => locations.hashValue(NAME, Buffer.from(name))
      const flat = (of: Record<string, number>): Buffer[] =>
        Object.entries(of).flatMap(([name, value]) => {
          if (type === 'set') return [sealName(name)]
          return [
            sealName(name),
            type === 'zset'
              ? Buffer.from(String(value))
              : sealer.seal(place(name), Buffer.from(String(value)), false),
          ]
        })
      fc.assert(
        fc.property(content, content, (before, wanted) => {
          const stored = storedKey(automation, NAME, type, flat(before))
          const had = stored.value()!
          if (had instanceof Unseen) throw new Error('it was read')
          const after: Value =
            had.type === 'hash'
              ? {
                  ...had,
                  fields: new Map(
                    Object.entries(wanted).map(([name, value]) => {
                      const kept = before[name] === value ? had.fields.get(name) : undefined
                      return [
                        name,
                        kept ?? { name: Buffer.from(name), cell: Cell.bytes(Buffer.from(String(value))) },
                      ]
                    }),
                  ),
                }
              : had.type === 'zset'
                ? {
                    ...had,
                    members: new Map(
                      Object.entries(wanted).map(([name, score]) => [
                        name,
                        { member: Buffer.from(name), score },
                      ]),
                    ),
                  }
                : {
                    type: 'set',
                    members: new Map(
                      Object.keys(wanted).map((name) => [idOf(Buffer.from(name)), Buffer.from(name)]),
                    ),
                  }
          const commands = changesOf(automation, stored, stateOf(NAME, after), true)
          const lying = new Map(
            Object.entries(before).map(([name, value]) => [text(sealName(name)), String(value)]),
          )
          let written = 0
          for (const [name, ...args] of commands) {
            const values = args as Buffer[]
            if (name === 'SADD') for (const member of values) lying.set(text(member), '')
            else if (name === 'HSET') {
              for (let i = 0; i < values.length; i += 2, written++) {
                const field = sealer.openField(values[i]!).toString()
                lying.set(text(values[i]!), sealer.open(place(field), values[i + 1]!).bytes.toString())
              }
            } else if (name === 'ZADD')
              for (let i = 0; i < args.length; i += 2, written++)
                lying.set(text(values[i + 1]!), String(args[i]))
            else if (['HDEL', 'SREM', 'ZREM'].includes(name))
              for (const member of values) expect(lying.delete(text(member))).toBe(true)
            else throw new Error(`unexpected: ${name}`)
            expect(lying.size).toBeGreaterThan(0)
          }
          const expected = Object.entries(wanted).map(([name, value]) => [
            text(sealName(name)),
            type === 'set' ? '' : String(value),
          ])
          const result = [...lying].map(([name, value]) => [name, type === 'set' ? '' : value])
          expect(Object.fromEntries(result)).toEqual(Object.fromEntries(expected))
          if (type !== 'set')
            expect(written).toBe(
              Object.entries(wanted).filter(([name, value]) => before[name] !== value).length,
            )
        }),
      )
    },
  )
})

describe('a key', () => {
  const string = (text: string): Value => ({ type: 'string', cell: Cell.bytes(Buffer.from(text)) })
  const storedString = (expireAt = 0) =>
    storedKey(automation, NAME, 'string', sealer.seal(locations.string(NAME), Buffer.from('v'), false), {
      expireAt,
    })
  const absent = storedKey(automation, NAME, 'none', null)

  test('that is gone is deleted, if it is there', () => {
    expect(changesOf(automation, storedString(), stateOf(NAME, undefined), true)).toEqual([['UNLINK']])
    expect(changesOf(automation, absent, stateOf(NAME, undefined), true)).toEqual([])
  })

  test('that has not changed is not written', () => {
    const stored = storedString(9_000)
    expect(changesOf(automation, stored, stateOf(NAME, stored.value(), { expireAt: 9_000 }), true)).toEqual(
      [],
    )
  })

  test.each([
    ['a new string', 0, 0, ['SET']],
    ['a string with the TTL that it had', 9_000, 9_000, ['SET KEEPTTL']],
    ['a string that loses its TTL', 9_000, 0, ['SET']],
    ['a string with another TTL', 9_000, 9_500, ['SET', 'PEXPIREAT 9500']],
    ['a string that gets a TTL', 0, 9_500, ['SET', 'PEXPIREAT 9500']],
  ])('%s', (_title, had, has, expected) => {
    const commands = changesOf(
      automation,
      storedString(had),
      stateOf(NAME, string('new'), { expireAt: has }),
      true,
    )
    expect(
      commands.map(([name, ...args]) => [name, ...args.filter((arg) => !Buffer.isBuffer(arg))].join(' ')),
    ).toEqual(expected)
  })

  test('of which only the TTL changed has only that written', () => {
    const stored = storedString(9_000)
    expect(changesOf(automation, stored, stateOf(NAME, stored.value()), true)).toEqual([['PERSIST']])
    expect(changesOf(automation, stored, stateOf(NAME, stored.value(), { expireAt: 9_500 }), true)).toEqual([
      ['PEXPIREAT', 9_500],
    ])
  })

  test('that was put there as a whole, or is of another type, is written anew, with its TTL', () => {
    const set: Value = { type: 'set', members: new Map([['m', Buffer.from('m')]]) }
    for (const changed of [{ replaced: true }, { fresh: true }]) {
      const commands = changesOf(
        automation,
        storedString(9_000),
        stateOf(NAME, set, { ...changed, expireAt: 9_000 }),
        true,
      )
      expect(namesOf(commands)).toEqual(['UNLINK', 'SADD', 'PEXPIREAT'])
    }
    expect(namesOf(changesOf(automation, absent, stateOf(NAME, set), true))).toEqual(['SADD'])
  })

  test('with thousands of fields is written in commands that keep pairs together', () => {
    const fields = new Map(
      Array.from({ length: 1_700 }, (_, i) => [
        `f${i}`,
        { name: Buffer.from(`f${i}`), cell: Cell.bytes(Buffer.from('v')) },
      ]),
    )
    const commands = changesOf(
      automation,
      absent,
      stateOf(NAME, { type: 'hash', fields, partial: undefined }),
      true,
    )
    for (const [name, ...args] of commands)
      expect([name, args.length % 2, args.length < MOST_ARGS]).toEqual(['HSET', 0, true])
    expect(commands.reduce((sum, { length }) => sum + length - 1, 0)).toBe(3_400)
  })
})
