import type { KeyObject } from 'node:crypto'
import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mintToken } from '../../../src/auth/mint.ts'
import { TokenVerifier } from '../../../src/auth/tokens.ts'
import { KvError } from '../../../src/errors/errors.ts'

const secret = 'a secret of the dispatcher, long enough'
const NOW = 1_800_000_000
let clock = NOW * 1000
const now = (): number => clock
const verifier = (options: object = {}): TokenVerifier => new TokenVerifier({ secret, now, ...options })

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
/** A token by hand, as PyJWT writes it: no library of ours tidies the claims. */
const token = (
  claims: unknown,
  key: string | Buffer = secret,
  header: object = { alg: 'HS256', typ: 'JWT' },
  hmac = 'sha256',
): string => {
  const input = `${part(header)}.${part(claims)}`
  return `${input}.${createHmac(hmac, key).update(input).digest('base64url')}`
}
const claims = { automation_id: 'auto-1', run_id: 'run-1', iat: NOW, exp: NOW + 60 }

const expectRefused = async (verification: Promise<unknown>, code = 'wrongpass'): Promise<KvError> => {
  const error = await verification.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(KvError)
  expect((error as KvError).code).toBe(code)
  expect((error as KvError).message).toBe(new KvError(code as 'wrongpass').message)
  return error as KvError
}

describe('HS256', () => {
  test('a token of the dispatcher', async () => {
    const identity = await verifier().verify(token(claims))
    expect(identity).toEqual({
      automationId: 'auto-1',
      runId: 'run-1',
      expiresAt: (NOW + 60) * 1000,
      issuedAt: NOW * 1000,
      readOnly: false,
    })
    expect(Object.isFrozen(identity)).toBe(true)
    expect(await verifier().verify(Buffer.from(token(claims)))).toEqual(identity)
  })

  test('floats, no iat, null run_id, a short secret: PyJWT mints all of them', async () => {
    const identity = await verifier().verify(
      token({ automation_id: 'a', run_id: null, iat: NOW + 0.25, exp: NOW + 0.5 }),
    )
    expect(identity).toMatchObject({
      runId: undefined,
      expiresAt: NOW * 1000 + 500,
      issuedAt: NOW * 1000 + 250,
    })
    expect(await verifier().verify(token({ automation_id: 'a', exp: NOW + 9 }))).toMatchObject({
      runId: undefined,
      issuedAt: undefined,
    })
    expect(await verifier({ secret: 'short' }).verify(token(claims, 'short'))).toMatchObject({
      automationId: 'auto-1',
    })
    const untyped = token(claims, secret, { alg: 'HS256' })
    expect(await verifier({ secret: Buffer.from(secret) }).verify(untyped)).toMatchObject({ runId: 'run-1' })
  })

  test.each([
    ['no automation_id', { ...claims, automation_id: undefined }],
    ['a number as automation_id', { ...claims, automation_id: 7 }],
    ['an array as automation_id', { ...claims, automation_id: ['auto-1'] }],
    ['a hash tag in automation_id', { ...claims, automation_id: 'a}:k:{b' }],
    ['a line feed in automation_id', { ...claims, automation_id: 'a\n' }],
    ['a long automation_id', { ...claims, automation_id: 'a'.repeat(65) }],
    ['no exp', { ...claims, exp: undefined }],
    ['exp as text', { ...claims, exp: String(NOW + 60) }],
    ['exp null', { ...claims, exp: null }],
    ['an endless exp', `{"automation_id":"a","exp":1e999}`],
    ['iat as text', { ...claims, iat: 'now' }],
    ['nbf in the future', { ...claims, nbf: NOW + 30 }],
    ['run_id as a number', { ...claims, run_id: 7 }],
    ['a long run_id', { ...claims, run_id: 'r'.repeat(257) }],
    ['a scope of another service', { ...claims, scope: 'mail:read' }],
    ['an empty scope', { ...claims, scope: '' }],
    ['a scope array without kv', { ...claims, scope: [] }],
    ['a scope of a wrong type', { ...claims, scope: { kv: true } }],
    ['a null scope', { ...claims, scope: null }],
    ['a mixed scope array', { ...claims, scope: ['kv', 1] }],
    ['an array as claims', [claims]],
    ['claims that are not JSON', 'automation'],
  ])('%s is refused', async (_, payload) => {
    await expectRefused(verifier().verify(token(payload)))
  })

  test.each([
    ['kv', false],
    ['kv:write', false],
    ['kv:read', true],
    ['kv:read kv:write', false],
    ['mail:send kv:read', true],
    [['kv:read'], true],
    [['kv:write', 'kv:read'], false],
    [['kv'], false],
  ])('scope %j', async (scope, readOnly) => {
    expect(await verifier().verify(token({ ...claims, scope }))).toMatchObject({ readOnly })
  })

  test('expired, also by less than a second', async () => {
    await expectRefused(verifier().verify(token({ ...claims, exp: NOW - 1 })), 'token_expired')
    await expectRefused(verifier().verify(token({ ...claims, exp: NOW })), 'token_expired')
    await expectRefused(
      verifier({ now: () => NOW * 1000 + 600 }).verify(token({ ...claims, exp: NOW + 0.5 })),
      'token_expired',
    )
    await expectRefused(verifier().verify(token({ ...claims, exp: NOW - 1 }, 'another secret')))
  })

  test('wrong signature, wrong algorithm, no token', async () => {
    const good = token(claims)
    const [header, payload, signature] = good.split('.') as [string, string, string]
    const odd = [
      token(claims, 'another secret'),
      token(claims, secret, { alg: 'HS512' }, 'sha512'),
      token(claims, secret, { alg: 'HS512' }),
      token(claims, secret, { alg: 'hs256' }),
      token(claims, secret, { alg: 'RS256' }),
      token(claims, secret, {}),
      token(claims, secret, { alg: 'HS256', crit: ['x'], x: 1 }),
      token(claims, secret, { alg: 'HS256', crit: ['b64'], b64: false }),
      ...['none', 'None', 'NONE', ''].flatMap((alg) => [
        `${part({ alg })}.${payload}.`,
        `${part({ alg })}.${payload}.${signature}`,
      ]),
      `${header}.${part({ ...claims, automation_id: 'other' })}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${good}.x`,
      `${good}.`,
      '',
      '..',
      'password',
      '\u0000',
      'x'.repeat(20_000),
    ]
    for (const wrong of odd) {
      await expectRefused(verifier().verify(wrong))
      await expectRefused(verifier().verify(Buffer.from(wrong)))
    }
  })

  test('issuer and audience, when configured', async () => {
    const strict = verifier({ issuer: 'platform', audience: 'kv' })
    expect(await strict.verify(token({ ...claims, iss: 'platform', aud: ['x', 'kv'] }))).toMatchObject({
      automationId: 'auto-1',
    })
    for (const wrong of [{}, { iss: 'platform' }, { iss: 'platform', aud: 'x' }, { iss: 'x', aud: 'kv' }]) {
      await expectRefused(strict.verify(token({ ...claims, ...wrong })))
    }
    expect(await verifier().verify(token({ ...claims, iss: 'any', aud: 'any' }))).toMatchObject({
      automationId: 'auto-1',
    })
  })

  test('the error holds a reason and nothing of the token', async () => {
    const wrong = token({ ...claims, automation_id: 'canary:id' })
    const error = await expectRefused(verifier().verify(wrong))
    expect(error.cause).toBe('claim automation_id')
    const expired = await expectRefused(
      verifier().verify(token({ ...claims, run_id: 'canary', exp: NOW - 1 })),
      'token_expired',
    )
    for (const { stack, cause, detail } of [error, expired]) {
      expect(`${stack}${String(cause)}${JSON.stringify(detail)}`).not.toMatch(/canary|eyJ/)
    }
  })
})

describe('cache', () => {
  test('answers from the cache until exp, by the clock it was given', async () => {
    clock = NOW * 1000
    const v = verifier()
    const t = token(claims)
    expect(v.cached(t)).toBeUndefined()
    const identity = await v.verify(t)
    expect(v.cached(t)).toBe(identity)
    expect(v.cached(Buffer.from(t))).toBe(identity)
    expect(await v.verify(t)).toBe(identity)
    clock = identity.expiresAt - 1
    expect(v.cached(t)).toBe(identity)
    clock = identity.expiresAt
    expect(v.cached(t)).toBeUndefined()
    await expectRefused(v.verify(t), 'token_expired')
    clock = NOW * 1000
  })

  test('verifications at one time share the work; failures are not kept', async () => {
    const v = verifier()
    const t = token(claims)
    const [first, second] = await Promise.all([v.verify(t), v.verify(Buffer.from(t))])
    expect(first).toBe(second)
    const wrong = token(claims, 'another secret')
    await Promise.all([expectRefused(v.verify(wrong)), expectRefused(v.verify(wrong))])
    expect(v.cached(wrong)).toBeUndefined()
    const early = token({ ...claims, nbf: NOW + 30 })
    await expectRefused(v.verify(early))
    clock = (NOW + 31) * 1000
    expect(await v.verify(early)).toMatchObject({ automationId: 'auto-1' })
    clock = NOW * 1000
  })
})

describe('JWKS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'jwks-'))
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const file = join(folder, 'jwks.json')
  let keySet: string
  const sign = (alg: string, key: KeyObject, kid?: string): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(key)

  beforeAll(async () => {
    const jwk = async (key: KeyObject, kid: string): Promise<object> => ({
      ...(await exportJWK(key)),
      kid,
      use: 'sig',
    })
    const oct = { kty: 'oct', k: randomBytes(32).toString('base64url'), kid: 'oct' }
    keySet = JSON.stringify({
      keys: [await jwk(rsa.publicKey, 'r'), await jwk(ec.publicKey, 'e'), await jwk(ed.publicKey, 'd'), oct],
    })
    writeFileSync(file, keySet)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each([
    ['RS256', rsa.privateKey, 'r'],
    ['ES256', ec.privateKey, 'e'],
    ['EdDSA', ed.privateKey, 'd'],
  ] as const)('%s from a file, with and without kid; HS256 still by the secret', async (alg, key, kid) => {
    const v = verifier({ jwks: file })
    expect(await v.verify(await sign(alg, key, kid))).toMatchObject({ automationId: 'auto-1' })
    expect(await v.verify(await sign(alg, key))).toMatchObject({ automationId: 'auto-1' })
    expect(await v.verify(token(claims))).toMatchObject({ automationId: 'auto-1' })
    await expectRefused(verifier().verify(await sign(alg, key, kid)))
    await expectRefused(v.verify(await sign(alg, key, 'unknown')))
  })

  test('key confusion is refused', async () => {
    const v = verifier({ jwks: file })
    const jwk = rsa.publicKey.export({ format: 'jwk' })
    for (const key of [
      rsa.publicKey.export({ type: 'spki', format: 'pem' }),
      rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }),
      rsa.publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
      Buffer.from(jwk.n as string, 'base64url'),
    ]) {
      for (const alg of ['HS256', 'RS256', 'none'])
        await expectRefused(v.verify(token(claims, key, { alg, kid: 'r' })))
    }
    const oct = (JSON.parse(keySet) as { keys: { k?: string }[] }).keys.at(-1)?.k as string
    for (const alg of ['HS256', 'HS384']) {
      const hmac = alg === 'HS256' ? 'sha256' : 'sha384'
      await expectRefused(v.verify(token(claims, Buffer.from(oct, 'base64url'), { alg, kid: 'oct' }, hmac)))
    }
    await expectRefused(v.verify(await sign('RS256', stranger.privateKey, 'r')))
    await expectRefused(v.verify(await sign('PS256', rsa.privateKey, 'r')))
    await expectRefused(v.verify(await sign('RS512', rsa.privateKey, 'r')))
    const embedded = await new SignJWT(claims)
      .setProtectedHeader({
        alg: 'RS256',
        jwk: stranger.publicKey.export({ format: 'jwk' }) as { kty: string },
      })
      .sign(stranger.privateKey)
    await expectRefused(v.verify(embedded))
  })

  test('from a URL, and refused while it does not answer', async () => {
    let up = false
    const server = createServer((_, response) => {
      response.statusCode = up ? 200 : 500
      response.end(keySet)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const v = verifier({ jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` })
      const t = await sign('ES256', ec.privateKey, 'e')
      await expectRefused(v.verify(t))
      up = true
      expect(await v.verify(t)).toMatchObject({ automationId: 'auto-1' })
    } finally {
      await new Promise((resolve) => server.close(resolve).closeAllConnections())
    }
  })

  test('a bad source is refused at once', () => {
    writeFileSync(join(folder, 'text'), 'hello')
    writeFileSync(join(folder, 'array'), '[]')
    expect(() => verifier({ jwks: join(folder, 'gone') })).toThrow(/cannot read the JWKS file .*gone: ENOENT/)
    expect(() => verifier({ jwks: join(folder, 'text') })).toThrow('it is not JSON')
    expect(() => verifier({ jwks: join(folder, 'array') })).toThrow('is not a JSON Web Key Set')
    expect(() => verifier({ jwks: 'http://example.com/jwks' })).toThrow('the JWKS URL must be https')
    expect(() => verifier({ secret: '' })).toThrow('the token secret is empty')
  })
})

test('a minted token is verified', async () => {
  const minted = await mintToken({
    secret,
    automationId: 'a',
    runId: 'r',
    ttlSeconds: 5,
    scope: 'kv:read',
    now,
  })
  expect(await verifier().verify(minted)).toEqual({
    automationId: 'a',
    runId: 'r',
    expiresAt: (NOW + 5) * 1000,
    issuedAt: NOW * 1000,
    readOnly: true,
  })
})
