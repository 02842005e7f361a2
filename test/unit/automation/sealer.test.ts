import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { describe, expect, test } from 'vitest'
import { Keyring, parseEncryptionKeys } from '../../../src/automation/keyring.ts'
import type { Location } from '../../../src/automation/location.ts'
import { locations } from '../../../src/automation/location.ts'
import { Sealer } from '../../../src/automation/sealer.ts'
import { KvError } from '../../../src/errors/errors.ts'

const root = (): string => randomBytes(32).toString('base64url')
const [newRoot, oldRoot] = [root(), root()]
const ring = (text: string): Keyring => new Keyring(parseEncryptionKeys(text))
const sealerOf = (id = 'a', text = `new:${newRoot},old:${oldRoot}`): Sealer =>
  new Sealer(ring(text).automation(id))

const sealer = sealerOf()
const here = locations.string('key')
const text = Buffer.from('the plaintext')
const headerOf = (sealed: Buffer): Record<string, unknown> =>
  JSON.parse(Buffer.from(sealed.toString().split('.')[0] as string, 'base64url').toString()) as Record<
    string,
    unknown
  >
const locOf = (location: Location, by = sealer): string =>
  headerOf(by.seal(location, text, false)).loc as string

const expectRefused = (open: () => unknown): KvError => {
  let thrown: unknown
  try {
    open()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(KvError)
  expect((thrown as KvError).code).toBe('unreadable')
  expect((thrown as KvError).message).toBe(new KvError('unreadable').message)
  return thrown as KvError
}

/** Made by jose, with whatever header, for the content key of `kid`. */
const byJose = async (header: object, plaintext = text, by = sealer, kid = 'new'): Promise<Buffer> => {
  const key = by.keys.all.find((keys) => keys.kid === kid)?.contentBytes as Buffer
  return Buffer.from(
    await new CompactEncrypt(plaintext)
      .setProtectedHeader(header as { alg: string; enc: string })
      .encrypt(key),
  )
}

/** Sealed with our own code path in jose's place: any header text, a right tag. */
const withHeaderText = async (source: string): Promise<Buffer> => {
  const { createCipheriv } = await import('node:crypto')
  const header = Buffer.from(source).toString('base64url')
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', sealer.keys.sealing.content, iv).setAAD(Buffer.from(header))
  const body = cipher.update(text).toString('base64url')
  cipher.final()
  return Buffer.from(
    `${header}..${iv.toString('base64url')}.${body}.${cipher.getAuthTag().toString('base64url')}`,
  )
}

describe('round trip', () => {
  test('random bytes at random places, also across sealers', () => {
    const other = sealerOf()
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.uint8Array(),
        fc.uint8Array(),
        fc.boolean(),
        (data, key, field, json) => {
          const location = locations.hashValue(Buffer.from(key), Buffer.from(field))
          const sealed = sealer.seal(location, Buffer.from(data), json)
          expect(sealed.toString('latin1')).toMatch(/^[\w-]+\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/)
          expect(other.open(location, sealed)).toEqual({ bytes: Buffer.from(data), json })
        },
      ),
    )
  })

  test.each([0, 1, 127, 128, 129, 1024, 1 << 20])('%i bytes', (length) => {
    const data = randomBytes(length)
    expect(sealer.open(here, sealer.seal(here, data, true)).bytes.equals(data)).toBe(true)
  })

  test('every kind of place', () => {
    const places = [
      locations.string('k'),
      locations.element('k'),
      locations.hashValue('k', 'f'),
      locations.member(),
      locations.fieldName(),
      locations.streamValue('k'),
      locations.message('k'),
      locations.record('k'),
    ]
    for (const from of places) {
      const sealed = sealer.seal(from, text, false)
      for (const to of places) {
        if (from === to) expect(sealer.open(to, sealed).bytes).toEqual(text)
        else expectRefused(() => sealer.open(to, sealed))
      }
    }
  })

  test('the header says what the contract says', () => {
    expect(headerOf(sealer.seal(here, text, true))).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
      kid: 'new',
      cty: 'json',
      loc: expect.stringMatching(/^[\w-]{16}$/) as string,
    })
    expect(headerOf(sealer.seal(here, text, false))).not.toHaveProperty('cty')
  })

  test('a nonce never returns in 100,000 seals', () => {
    const nonces = new Set<string>()
    const at = sealer.seal(here, text, false).indexOf('..') + 2
    for (let i = 0; i < 100_000; i++)
      nonces.add(sealer.seal(here, text, false).toString('latin1', at, at + 16))
    expect(nonces.size).toBe(100_000)
  })
})

describe('jose as the reference', () => {
  const key = sealer.keys.sealing.contentBytes

  test('opens ours', async () => {
    for (const json of [true, false]) {
      const opened = await compactDecrypt(sealer.seal(here, text, json), key)
      expect(Buffer.from(opened.plaintext)).toEqual(text)
      expect(opened.protectedHeader.cty).toBe(json ? 'json' : undefined)
    }
    for (const sealed of [
      sealer.sealMember(text),
      sealer.sealField(text),
      sealer.sealMember(Buffer.alloc(0)),
    ]) {
      expect((await compactDecrypt(sealed, key)).protectedHeader).toMatchObject({
        alg: 'dir',
        enc: 'A256GCM',
        kid: 'new',
      })
    }
  })

  test('what it makes is opened, in any order of members', async () => {
    const loc = locOf(here)
    const orders = [
      { alg: 'dir', enc: 'A256GCM', kid: 'new', cty: 'json', loc },
      { loc, cty: 'json', kid: 'new', enc: 'A256GCM', alg: 'dir' },
      { enc: 'A256GCM', alg: 'dir', loc, kid: 'new', cty: 'json' },
    ]
    for (const header of orders)
      expect(sealer.open(here, await byJose(header))).toEqual({ bytes: text, json: true })
    expect(sealer.open(here, await byJose({ loc, kid: 'new', enc: 'A256GCM', alg: 'dir' }))).toEqual({
      bytes: text,
      json: false,
    })
    const old = sealerOf('a', `old:${oldRoot}`)
    const header = { loc: locOf(here, old), kid: 'old', enc: 'A256GCM', alg: 'dir' }
    expect(sealer.open(here, await byJose(header, text, old, 'old')).bytes).toEqual(text)
  })

  test('other headers are refused', async () => {
    const loc = locOf(here)
    const right = { alg: 'dir', enc: 'A256GCM', kid: 'new', loc }
    const wrong: object[] = [
      { ...right, zip: 'DEF' },
      { ...right, crit: ['loc'] },
      { ...right, typ: 'JOSE' },
      { ...right, cty: 'text' },
      { ...right, cty: null },
      { ...right, kid: 'other' },
      { ...right, kid: 'old' },
      { ...right, kid: 1 },
      { ...right, loc: locOf(locations.string('other')) },
      { ...right, loc: '' },
      { alg: 'dir', enc: 'A256GCM', kid: 'new' },
      { alg: 'dir', enc: 'A256GCM', loc },
      { enc: 'A256GCM', kid: 'new', loc },
      { ...right, alg: 'A256KW' },
      { ...right, enc: 'A128GCM' },
      { ...right, enc: 'A256CBC-HS512' },
    ]
    for (const header of wrong) {
      const sealed = await withHeaderText(JSON.stringify(header))
      expectRefused(() => sealer.open(here, sealed))
    }
    const source = JSON.stringify(right)
    for (const odd of [
      source.replace('{', '{ '),
      source.replace('"kid"', '"kid":"old","kid"'),
      source.replace('"dir"', '"\\u0064ir"'),
      source.replace('{', '{"__proto__":{},'),
      `[${source}]`,
      'null',
      '"dir"',
      '',
      '{',
      `{"alg":"dir"}`,
    ]) {
      const sealed = await withHeaderText(odd)
      expectRefused(() => sealer.open(here, sealed))
    }
    expect(sealer.open(here, await withHeaderText(source)).bytes).toEqual(text)
    const enveloped = await new CompactEncrypt(text)
      .setProtectedHeader({ ...right, alg: 'A256KW' })
      .encrypt(key)
    expectRefused(() => sealer.open(here, Buffer.from(enveloped)))
  })
})

describe('damage', () => {
  test('every bit flip anywhere is refused', () => {
    for (const plaintext of [text, Buffer.alloc(0), randomBytes(2)]) {
      const sealed = sealer.seal(here, plaintext, plaintext === text)
      for (let i = 0; i < sealed.length; i++) {
        for (let bit = 0; bit < 8; bit++) {
          const flipped = Buffer.from(sealed)
          flipped[i]! ^= 1 << bit
          expectRefused(() => sealer.open(here, flipped))
        }
      }
    }
  })

  test('every cut, every added byte and every foreign text is refused', () => {
    const sealed = sealer.seal(here, text, false)
    for (let i = 0; i < sealed.length; i++) {
      expectRefused(() => sealer.open(here, sealed.subarray(0, i)))
      expectRefused(() => sealer.open(here, sealed.subarray(i + 1)))
      for (const extra of ['A', '=', '.', ' ', '\n']) {
        expectRefused(() =>
          sealer.open(here, Buffer.concat([sealed.subarray(0, i), Buffer.from(extra), sealed.subarray(i)])),
        )
      }
    }
    const [header, , iv, body, tag] = sealed.toString().split('.') as [string, string, string, string, string]
    for (const odd of [
      '',
      '.',
      '....',
      'plain',
      `${header}.AA.${iv}.${body}.${tag}`,
      `${header}..${iv}.${body}.${tag}.`,
      `${header}..${iv}.${body}.`,
      `${header}..${iv}.${body}`,
      `${header}..${iv}.${body}.${tag.slice(0, 16)}`,
      `${header}...${body}.${tag}`,
      `..${iv}.${body}.${tag}`,
      `${header}..${iv}..${tag}`,
      `${header}..${body}.${iv}.${tag}`,
    ]) {
      expectRefused(() => sealer.open(here, Buffer.from(odd)))
    }
  })

  test('spare bits of a large text are refused as well', () => {
    const sealed = sealer.seal(here, randomBytes(1000), false)
    const last = sealed.length - 24
    const spare = Buffer.from(sealed)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    spare[last] = alphabet.charCodeAt(alphabet.indexOf(String.fromCharCode(sealed[last]!)) ^ 1)
    expectRefused(() => sealer.open(here, spare))
  })
})

describe('places', () => {
  test('another key, field, kind or automation is refused', () => {
    const value = sealer.seal(locations.hashValue('ab', 'c'), text, false)
    for (const place of [
      locations.hashValue('a', 'bc'),
      locations.hashValue('ab', 'd'),
      locations.hashValue('abc', ''),
      locations.hashValue('', 'abc'),
      locations.string('ab'),
      locations.element('ab'),
      locations.record('ab'),
    ]) {
      expectRefused(() => sealer.open(place, value))
    }
    expectRefused(() => sealerOf('b').open(locations.hashValue('ab', 'c'), value))
    expectRefused(() => sealerOf('b').openMember(sealer.sealMember(text)))
  })

  test('names never collide', () => {
    const name = fc.string({ unit: fc.constantFrom(...'01:,h'), maxLength: 6 })
    fc.assert(
      fc.property(name, name, name, name, (k1, f1, k2, f2) => {
        expect(locations.hashValue(k1, f1) === locations.hashValue(k2, f2)).toBe(k1 === k2 && f1 === f2)
      }),
    )
    expect(locations.string('é')).toBe(locations.string(Buffer.from('é')))
    expect(locations.string(Buffer.from([0xe9]))).not.toBe(locations.string('é'))
  })

  test('loc is keyed: it differs from automation to automation and root to root', () => {
    expect(
      new Set([locOf(here), locOf(here, sealerOf('b')), locOf(here, sealerOf('a', `new:${oldRoot}`))]).size,
    ).toBe(3)
  })

  test('more places than the header cache holds, and very long names', () => {
    const places = Array.from({ length: 2000 }, (_, i) => locations.string(`key:${i}`))
    const sealed = places.map((place) => sealer.seal(place, text, false))
    for (const [i, place] of places.entries()) expect(sealer.open(place, sealed[i]!).bytes).toEqual(text)
    const long = locations.hashValue('k', randomBytes(70_000))
    expect(sealer.open(long, sealer.seal(long, text, false)).bytes).toEqual(text)
  })
})

describe('members, field names, elements', () => {
  test('equal members are equal; members and field names are not', () => {
    const members = new Set<string>()
    for (let i = 0; i < 300; i++) {
      const member = Buffer.from(`m${i}`)
      const sealed = sealer.sealMember(member)
      expect(sealerOf().sealMember(member)).toEqual(sealed)
      expect(sealer.openMember(sealed)).toEqual(member)
      expect(sealer.openField(sealer.sealField(member))).toEqual(member)
      members.add(sealed.toString()).add(sealer.sealField(member).toString())
    }
    expect(members.size).toBe(600)
    expect(sealerOf('b').sealMember(text)).not.toEqual(sealer.sealMember(text))
  })

  test('kinds do not mix, and a document is no member', () => {
    expectRefused(() => sealer.openField(sealer.sealMember(text)))
    expectRefused(() => sealer.openMember(sealer.sealField(text)))
    expectRefused(() => sealer.openMember(sealer.seal(locations.member(), text, true)))
    expectRefused(() => sealer.openMember(sealer.seal(here, text, false)))
  })

  test('element hashes are keyed and stable', () => {
    expect(sealer.hashElement(text)).toHaveLength(16)
    expect(sealerOf().hashElement(text)).toEqual(sealer.hashElement(text))
    expect(sealerOf('b').hashElement(text)).not.toEqual(sealer.hashElement(text))
  })
})

describe('key rotation', () => {
  const old = sealerOf('a', `old:${oldRoot}`)

  test('the first kid seals, all open', () => {
    expect(sealer.open(here, old.seal(here, text, true))).toEqual({ bytes: text, json: true })
    expect(sealer.openMember(old.sealMember(text))).toEqual(text)
    expect(headerOf(sealer.seal(here, text, true)).kid).toBe('new')
  })

  test('a value of a key that is gone is refused', () => {
    expectRefused(() => old.open(here, sealer.seal(here, text, true)))
    expectRefused(() => sealerOf('a', `new:${root()}`).open(here, sealer.seal(here, text, true)))
  })
})

test('the error names the key id and nothing of the content', () => {
  const sealed = sealer.seal(here, Buffer.from('canary-plaintext'), false)
  sealed[sealed.length - 1] = sealed.at(-1) === 0x41 ? 0x51 : 0x41
  const error = expectRefused(() => sealer.open(here, sealed))
  expect(error.cause).toEqual({ kid: 'new' })
  expect(expectRefused(() => sealer.open(here, Buffer.from('canary-plaintext'))).cause).toBeUndefined()
  const shown = `${error.stack}${error.respText}${JSON.stringify(error)}`
  expect(shown).not.toContain('canary')
  expect(shown).not.toContain(sealed.toString().slice(-30))
})
