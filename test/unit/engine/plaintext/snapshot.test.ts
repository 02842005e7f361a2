import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locations } from '../../../../src/automation/location.ts'
import { type Extent, extentArgs, fieldsExtent, mergeNeeds } from '../../../../src/engine/plaintext/extent.ts'
import { StoredKey } from '../../../../src/engine/plaintext/stored-key.ts'
import { automationOf, storedKey } from '../../helpers.ts'

const automation = automationOf()
const NAME = Buffer.from('k')
const fields = (...names: string[]): Buffer[] => names.map((name) => Buffer.from(name))
const numbered = (from: number, count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(`f${from + i}`))

const merged = (a: Extent, b: Extent): Extent => {
  const needs = mergeNeeds([
    { name: NAME, extent: a },
    { name: Buffer.from(NAME), extent: b },
  ])
  expect(needs.map(({ name }) => name.toString())).toEqual(['k'])
  return needs[0]!.extent
}

describe('two needs of one key', () => {
  test.each<[string, Extent, Extent, Extent]>([
    ['all covers everything', 'all', 'meta', 'all'],
    ['all covers fields', fields('f'), 'all', 'all'],
    ['anything covers meta', 'meta', 'ends', 'ends'],
    ['fields cover meta', fields('f'), 'meta', fields('f')],
    ['meta with meta', 'meta', 'meta', 'meta'],
    ['ends with ends', 'ends', 'ends', 'ends'],
    ['ends of a list, fields of a hash: whichever it is', 'ends', fields('f'), 'all'],
    ['fields of both, each once', fields('f', 'g'), fields('g', 'h'), fields('f', 'g', 'h')],
  ])('%s', (_title, a, b, extent) => {
    expect(merged(a, b)).toEqual(extent)
    const swapped = merged(b, a)
    if (Array.isArray(swapped))
      expect(swapped.map(String).sort()).toEqual((extent as Buffer[]).map(String).sort())
    else expect(swapped).toEqual(extent)
  })

  test('more than a thousand fields are read with the whole hash', () => {
    expect(merged(numbered(0, 600), numbered(400, 600))).toHaveLength(1_000)
    expect(merged(numbered(0, 600), numbered(401, 600))).toBe('all')
    expect(fieldsExtent(numbered(0, 1_000))).toHaveLength(1_000)
    expect(fieldsExtent(numbered(0, 1_001))).toBe('all')
  })

  test('of other keys stay apart, whatever bytes their names are', () => {
    const names = [Buffer.from([0xff]), Buffer.from([0xfe]), Buffer.from('ÿ'), Buffer.alloc(0)]
    expect(mergeNeeds(names.map((name) => ({ name, extent: 'meta' }))).map(({ name }) => name)).toEqual(names)
  })

  test('what was read for the merged need covers each of them', () => {
    const extent = fc.oneof(
      fc.constantFrom<Extent>('all', 'meta', 'ends'),
      fc
        .uniqueArray(fc.constantFrom('f', 'g', 'h', 'i'), { minLength: 1 })
        .map((names): Extent => fields(...names)),
    )
    fc.assert(
      fc.property(
        fc.array(extent, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('string', 'list', 'hash', 'set', 'none'),
        (extents, type) => {
          const [need] = mergeNeeds(extents.map((one) => ({ name: NAME, extent: one })))
          const key = new StoredKey(automation, need!, [null, Buffer.from(type), null, Buffer.from('0')], 0)
          for (const one of extents) expect(key.covers(one)).toBe(true)
        },
      ),
    )
  })
})

describe('what a key that was read covers', () => {
  test.each<[string, Extent, string, Extent, boolean]>([
    ['only its type: not its contents', 'meta', 'list', 'ends', false],
    ['the ends of a list: not all of it', 'ends', 'list', 'all', false],
    ['the ends of a set are all of it', 'ends', 'set', 'all', true],
    ['some fields of a hash: those', fields('f', 'g'), 'hash', fields('g'), true],
    ['some fields of a hash: no others', fields('f', 'g'), 'hash', fields('g', 'h'), false],
    ['some fields of a hash: not all of it', fields('f'), 'hash', 'all', false],
    ['fields of what is no hash are all of it', fields('f'), 'list', 'all', true],
    ['a key that is not there: anything', 'meta', 'none', 'all', true],
  ])('%s', (_title, has, type, wanted, covers) => {
    const key = new StoredKey(
      automation,
      { name: NAME, extent: has },
      [null, Buffer.from(type), null, Buffer.from('0')],
      0,
    )
    expect(key.covers(wanted)).toBe(covers)
  })
})

test('the arguments of the script: a letter for each key, with the fields sealed', () => {
  const needs = (['all', 'meta', 'ends', fields('f', 'g')] as const).map((extent) => ({ name: NAME, extent }))
  const [sealedF, sealedG] = fields('f', 'g').map((field) => automation.sealer.sealField(field))
  expect(extentArgs(needs, automation)).toEqual(['a', 'm', 'e', 16, 'f', 2, sealedF, sealedG])
})

describe('a key as it was stored', () => {
  const sealed = automation.sealer.seal(locations.string(NAME), Buffer.from('v'), false)

  test('is live until the millisecond at which it expires', () => {
    // Its clock stands at 5000.
    expect(
      [4_999, 5_000, 5_001, 0].map(
        (expireAt) => storedKey(automation, NAME, 'string', sealed, { expireAt }).live,
      ),
    ).toEqual([false, true, true, true])
    const gone = storedKey(automation, NAME, 'string', sealed, { expireAt: 4_999 })
    expect([gone.value(), gone.physical, gone.version]).toEqual([undefined, true, '0'])
  })

  test('has the times and the version of its index entry, and none when it is absent', () => {
    const key = storedKey(automation, NAME, 'string', sealed, { version: 12 })
    expect([key.createdAt, key.updatedAt, key.version]).toEqual([1_000, 2_000, '12'])
    const absent = storedKey(automation, NAME, 'none', null)
    expect([absent.live, absent.physical, absent.version, absent.value()]).toEqual([
      false,
      false,
      '0',
      undefined,
    ])
  })
})
