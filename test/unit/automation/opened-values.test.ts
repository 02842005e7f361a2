import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Keyring, parseEncryptionKeys } from '../../../src/automation/keyring.ts'
import { type Location, locations } from '../../../src/automation/location.ts'
import { Sealer } from '../../../src/automation/sealer.ts'

const sealer = new Sealer(
  new Keyring(parseEncryptionKeys(`k:${randomBytes(32).toString('base64url')}`)).automation('a'),
)
const unreadable = { code: 'unreadable' }

describe('values that were opened before', () => {
  const places: Location[] = [
    locations.string('key'),
    locations.hashValue('key', 'field'),
    locations.element('key'),
    locations.streamValue('key'),
  ]

  test.each(places)('are opened again, and found out when they were changed: %s', (place) => {
    const sealed = sealer.seal(place, Buffer.from('plain'), true)
    for (let i = 0; i < 3; i++)
      expect(sealer.open(place, Buffer.from(sealed))).toEqual({ bytes: Buffer.from('plain'), json: true })
    for (let i = 0; i < sealed.length; i++) {
      const flipped = Buffer.from(sealed)
      flipped[i]! ^= 1
      expect(() => sealer.open(place, flipped)).toThrow(expect.objectContaining(unreadable))
    }
    expect(() => sealer.open(place, sealed.subarray(0, -1))).toThrow(expect.objectContaining(unreadable))
    expect(() => sealer.open(locations.string('other'), sealed)).toThrow(expect.objectContaining(unreadable))
  })

  test('cannot be changed by whoever got them', () => {
    const place = locations.string('mine')
    const sealed = sealer.seal(place, Buffer.from('plain'), false)
    for (let i = 0; i < 3; i++) {
      const { bytes } = sealer.open(place, sealed)
      expect(bytes.toString()).toBe('plain')
      bytes.fill(0)
    }
  })

  test('are right also when many others came between', () => {
    const values = Array.from({ length: 1_500 }, (_, i) => {
      const place = locations.string(`k${i}`)
      const plain = randomBytes(i % 100 === 0 ? 40_000 : 20_000)
      return { place, plain, sealed: sealer.seal(place, plain, false) }
    })
    for (let pass = 0; pass < 2; pass++) {
      for (const { place, plain, sealed } of values)
        if (!sealer.open(place, sealed).bytes.equals(plain)) throw new Error('another value')
      for (const { place, plain, sealed } of values.slice(-50))
        if (!sealer.open(place, sealed).bytes.equals(plain)) throw new Error('another value')
    }
  })
})

test('elements of a list are each remembered, and not taken for those of another', () => {
  const place = locations.element('list')
  const values = Array.from({ length: 500 }, (_, i) => {
    const plain = Buffer.from(`element ${i}`)
    return { plain, sealed: sealer.seal(place, plain, false) }
  })
  for (let pass = 0; pass < 3; pass++)
    for (const { plain, sealed } of values) {
      const { bytes } = sealer.open(place, Buffer.from(sealed))
      expect(bytes).toEqual(plain)
      bytes.fill(0)
      expect(() => sealer.open(locations.element('other'), sealed)).toThrow(
        expect.objectContaining(unreadable),
      )
    }
})

describe('names', () => {
  test.each(['sealMember', 'sealField'] as const)(
    '%s: equal each time, private, and found out when they were changed',
    (seal) => {
      const open = seal === 'sealMember' ? 'openMember' : 'openField'
      for (const name of [
        Buffer.alloc(0),
        Buffer.from('name'),
        Buffer.from([0, 255, 13, 10]),
        randomBytes(300),
        randomBytes(5_000),
      ]) {
        const sealed = Buffer.from(sealer[seal](name))
        sealer[seal](name).fill(0)
        expect(sealer[seal](name).equals(sealed)).toBe(true)
        for (let i = 0; i < 2; i++) {
          const opened = sealer[open](sealed)
          expect(opened.equals(name)).toBe(true)
          opened.fill(1)
        }
        const flipped = Buffer.from(sealed)
        flipped[flipped.length - 5]! ^= 1
        expect(() => sealer[open](flipped)).toThrow(expect.objectContaining(unreadable))
      }
      expect(() => sealer.openMember(sealer.sealField(Buffer.from('name')))).toThrow(
        expect.objectContaining(unreadable),
      )
    },
  )
})
