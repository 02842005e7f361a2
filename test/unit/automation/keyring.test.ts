import { hkdfSync, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Keyring, parseEncryptionKeys, rootFromSecret } from '../../../src/automation/keyring.ts'

const key = (): string => randomBytes(32).toString('base64url')

describe('parseEncryptionKeys', () => {
  test('keeps the order, and takes longer roots', () => {
    const keys = parseEncryptionKeys(`k2:${key()}, k1:${randomBytes(48).toString('base64url')}`)
    expect(keys.map(({ kid }) => kid)).toEqual(['k2', 'k1'])
    expect(keys.map(({ root }) => root.symmetricKeySize)).toEqual([32, 48])
  })

  const good = key()
  const standard = Buffer.alloc(32, 0xfb).toString('base64')
  test.each([
    ['', 'entry 1 is empty'],
    [`k1:${good},`, 'entry 2 is empty'],
    [good, 'entry 1 has no kid'],
    [`:${good}`, 'entry 1 has a bad kid'],
    [`${good}:k1`, 'entry 1 has a bad kid'],
    [`k 1:${good}`, 'entry 1 has a bad kid'],
    [`${'k'.repeat(33)}:${good}`, 'entry 1 has a bad kid'],
    [`k1:${good},k2:${key()},k1:${key()}`, 'entry 3 has the same kid as entry 1'],
    [`k1:${standard}`, 'entry 1 has a key that is not base64url'],
    [`k1:${good}=`, 'entry 1 has a key that is not base64url'],
    [`k1:${good}:x`, 'entry 1 has a key that is not base64url'],
    [`k1:${randomBytes(31).toString('base64url')}`, 'entry 1 has a key of 31 bytes; at least 32 are needed'],
    ['k1:', 'entry 1 has a key of 0 bytes'],
  ])('refuses entry %#', (text, message) => {
    let thrown: Error | undefined
    try {
      parseEncryptionKeys(text)
    } catch (error) {
      thrown = error as Error
    }
    expect(thrown?.message).toContain(message)
    expect(thrown?.message).toMatch(/^entry \d /)
    expect(thrown?.message).not.toContain(good)
    expect(thrown?.message).not.toContain(standard)
  })
})

describe('Keyring', () => {
  test('derives the documented keys', () => {
    const root = randomBytes(32)
    const { sealing } = new Keyring(parseEncryptionKeys(`k1:${root.toString('base64url')}`)).automation('a-1')
    for (const purpose of ['content', 'member', 'locator', 'element'] as const) {
      const expected = Buffer.from(hkdfSync('sha256', root, '', `automation-kv/v1/${purpose}/a-1`, 32))
      expect(sealing[purpose].export()).toEqual(expected)
    }
    expect(sealing.contentBytes).toEqual(sealing.content.export())
  })

  test('without root keys it derives s1 from the secret', () => {
    const ring = Keyring.fromSettings({ secret: 'correct horse' })
    const root = Buffer.from(hkdfSync('sha256', 'correct horse', '', 'automation-kv/v1/root', 32))
    expect(ring.kids).toEqual(['s1'])
    expect(rootFromSecret(Buffer.from('correct horse')).root.export()).toEqual(root)
    expect(
      Keyring.fromSettings({ secret: 'x', encryptionKeys: parseEncryptionKeys(`k9:${key()}`) }).kids,
    ).toEqual(['k9'])
    expect(() => Keyring.fromSettings({ secret: '' })).toThrow('AUTOMATION_KV_SECRET is empty')
    expect(() => Keyring.fromSettings({ secret: 'x', encryptionKeys: [] })).toThrow('at least one root key')
  })

  test('the first kid seals, all are there; automations and purposes share no key', () => {
    const ring = Keyring.fromSettings({
      secret: 'x',
      encryptionKeys: parseEncryptionKeys(`new:${key()},old:${key()}`),
    })
    const keys = ['a', 'b'].map((id) => ring.automation(id))
    expect(keys[0]?.sealing.kid).toBe('new')
    expect(keys[0]?.all.map(({ kid }) => kid)).toEqual(['new', 'old'])
    const all = keys.flatMap(({ all }) => all.flatMap((k) => [k.content, k.member, k.locator, k.element]))
    expect(new Set(all.map((k) => k.export().toString('hex'))).size).toBe(16)
  })

  test.each(['', 'a:b', 'a/b', 'ä', 'x'.repeat(65), 'a\n'])('refuses the automation id %j', (id) => {
    expect(() => Keyring.fromSettings({ secret: 'x' }).automation(id)).toThrow('invalid automation id')
  })

  test('prints no key', () => {
    const encoded = key()
    const ring = Keyring.fromSettings({ secret: 'x', encryptionKeys: parseEncryptionKeys(`k1:${encoded}`) })
    const keys = ring.automation('a')
    const printed =
      inspect(ring, { depth: 9, showHidden: true }) + inspect(keys, { depth: 9 }) + JSON.stringify(keys)
    for (const secret of [Buffer.from(encoded, 'base64url'), ring.automation('a').sealing.contentBytes]) {
      for (const encoding of ['hex', 'base64url', 'latin1'] as const)
        expect(printed).not.toContain(secret.toString(encoding).slice(0, 12))
    }
  })
})
