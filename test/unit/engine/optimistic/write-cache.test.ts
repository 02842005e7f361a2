import { beforeEach, expect, test } from 'vitest'
import { WriteCache } from '../../../../src/engine/optimistic/write-cache.ts'
import { Cell } from '../../../../src/engine/plaintext/cell.ts'
import { NotLoaded } from '../../../../src/engine/plaintext/not-loaded.ts'
import type { Value } from '../../../../src/engine/plaintext/values.ts'
import { automationOf, stateOf, storedKey } from '../../helpers.ts'

const automation = automationOf()
const NAME = Buffer.from('k')
const ABSENT = storedKey(automation, NAME, 'none', null)
const string = (text: string | Buffer): Value => ({ type: 'string', cell: Cell.bytes(Buffer.from(text)) })
const need = (name: string | Buffer, extent: 'all' | 'meta' | 'ends' = 'all') => ({
  name: Buffer.from(name),
  extent,
})

let cache: WriteCache

beforeEach(() => {
  cache = new WriteCache()
})

const note = (
  name: Buffer,
  value: Value | undefined,
  changed: Parameters<typeof stateOf>[2] = {},
  version = 8,
): void => cache.note(automation, ABSENT, stateOf(name, value, changed), version, 3_000)

const cached = (name: Buffer): string | undefined => {
  const value = cache
    .lookUp(automation, [need(name)])
    ?.keys.get(name.toString('latin1'))
    ?.value()
  return value !== undefined && 'cell' in value ? value.cell.bytes.toString() : undefined
}

test('a string is known as the commit left it', () => {
  note(NAME, string('1'))
  const key = cache.lookUp(automation, [need(NAME)])!.keys.get('k')!
  expect([cached(NAME), key.version, key.createdAt, key.updatedAt, key.expireAt, key.live]).toEqual([
    '1',
    '8',
    3_000,
    3_000,
    0,
    true,
  ])
  // A version at a certain moment: the number alone comes twice when the Redis is emptied.
  expect(key.guard).toBe('3000:3000:8:0')
})

test('a key that was there keeps its time of creation, unless it was made afresh', () => {
  const before = storedKey(automation, NAME, 'string', null)
  for (const [fresh, createdAt] of [
    [false, 1_000],
    [true, 3_000],
  ] as const) {
    cache.note(automation, before, stateOf(NAME, string('1'), { fresh }), 8, 3_000)
    expect(cache.lookUp(automation, [need(NAME)])!.keys.get('k')!.createdAt).toBe(createdAt)
  }
})

test('it is known to its automation alone, and only to who wants all of all keys', () => {
  note(NAME, string('1'))
  note(Buffer.from('l'), string('2'))
  expect(cache.lookUp(automation, [need('k'), need('l')])?.keys.size).toBe(2)
  expect(cache.lookUp(automation, [need('k'), need('m')])).toBeUndefined()
  expect(cache.lookUp(automation, [need('k', 'meta')])).toBeUndefined()
  expect(cache.lookUp(automation, [])).toBeUndefined()
  expect(cache.lookUp(automationOf('another'), [need('k')])).toBeUndefined()
})

test.each<[string, Value | undefined, Parameters<typeof stateOf>[2]]>([
  ['with a TTL', string('1'), { expireAt: 9_000 }],
  ['that is gone', undefined, {}],
  ['that is no string', { type: 'set', members: new Map() }, {}],
  ['longer than 1 KiB', string(Buffer.alloc(1_025)), {}],
  ['whose value was not looked at', { type: 'string', cell: Cell.raw(Buffer.from('sketch')) }, {}],
])('a key %s is forgotten', (_title, value, changed) => {
  note(NAME, string('1'))
  note(NAME, value, changed)
  expect(cached(NAME)).toBeUndefined()
})

test('a value of 1 KiB is kept, in memory of its own', () => {
  const client = Buffer.alloc(4_096, 'x')
  note(NAME, { type: 'string', cell: Cell.bytes(client.subarray(0, 1_024)) })
  client.fill('y')
  expect(cached(NAME)).toBe('x'.repeat(1_024))
})

test('what was written longest ago makes room: it holds 16 MiB', () => {
  for (let i = 0; i < 10_000; i++) note(Buffer.from(`k${i}`), string('1'))
  expect(cached(Buffer.from('k0'))).toBeUndefined()
  expect(cached(Buffer.from('k9999'))).toBe('1')
  // An entry counts as 2 KiB and its name; room is made for half of them at once.
  const known = Array.from({ length: 10_000 }, (_, i) => cached(Buffer.from(`k${i}`))).filter(
    (value) => value !== undefined,
  ).length
  expect(known).toBeGreaterThan(4_000)
  expect(known).toBeLessThanOrEqual(8_192)
})

test('after a loss of the link nothing is known', () => {
  note(NAME, string('1'))
  cache.clear()
  expect(cached(NAME)).toBeUndefined()
})

test('it knows neither the time nor the version: who asks is run again on what Redis has', () => {
  note(NAME, string('1'))
  const snapshot = cache.lookUp(automation, [need(NAME)])!
  expect([snapshot.fromCache, snapshot.complete]).toEqual([true, false])
  expect(() => snapshot.now).toThrow(NotLoaded)
  expect(() => snapshot.version).toThrow(NotLoaded)
  expect(() => snapshot.forgottenDeletion).toThrow(NotLoaded)
})
