import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { inspectToken, mintToken, parseDuration } from '../../../src/auth/mint.ts'
import { TokenVerifier } from '../../../src/auth/tokens.ts'

const secret = 'a secret of the dispatcher, long enough'
const NOW = 1_800_000_000
const now = (): number => NOW * 1000 + 700
const mint = (options: object = {}): Promise<string> =>
  mintToken({ secret, automationId: 'auto-1', ttlSeconds: 60, now, ...options })

describe('parseDuration', () => {
  test.each([
    ['2h', 7200],
    ['30m', 1800],
    ['90s', 90],
    ['1d', 86_400],
    ['1h30m', 5400],
    ['1d2h3m4s', 93_784],
  ])('%s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds)
  })

  test.each(['', '5', 'h', '-1h', '1.5h', '1h 30m', '30m1h', '1h1h', '1w', '1H', '9999999d', '1h\n'])(
    '%j is refused',
    (text) => {
      expect(() => parseDuration(text)).toThrow('invalid duration: write days')
    },
  )

  test('zero is refused', () => {
    expect(() => parseDuration('0h0m')).toThrow('longer than zero')
  })
})

describe('mintToken', () => {
  test('claims and header', async () => {
    const token = await mint({ runId: 'run-1', scope: 'kv:read', issuer: 'i', audience: 'a' })
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' })
    expect(decodeJwt(token)).toEqual({
      automation_id: 'auto-1',
      run_id: 'run-1',
      scope: 'kv:read',
      iss: 'i',
      aud: 'a',
      iat: NOW,
      exp: NOW + 60,
    })
    expect(decodeJwt(await mint())).toEqual({ automation_id: 'auto-1', iat: NOW, exp: NOW + 60 })
  })

  test.each([
    [{ automationId: 'a b' }, 'invalid automation id'],
    [{ ttlSeconds: 0 }, 'invalid lifetime'],
    [{ ttlSeconds: Number.NaN }, 'invalid lifetime'],
    [{ scope: 'read' }, 'invalid scope'],
    [{ runId: 'r'.repeat(257) }, 'invalid run id'],
    [{ secret: '' }, 'the token secret is empty'],
  ])('refuses %j', async (options, message) => {
    await expect(mint(options)).rejects.toThrow(message)
  })
})

describe('inspectToken', () => {
  const verifier = new TokenVerifier({ secret, now })

  test('valid, expired, refused, unverified', async () => {
    expect(await inspectToken(await mint(), verifier)).toEqual({
      header: { alg: 'HS256', typ: 'JWT' },
      claims: { automation_id: 'auto-1', iat: NOW, exp: NOW + 60 },
      status: 'valid',
      reason: undefined,
      expiresAt: new Date((NOW + 60) * 1000),
    })
    expect(await inspectToken(await mint({ now: () => 0 }), verifier)).toMatchObject({ status: 'expired' })
    const foreign = await mint({ secret: 'another' })
    expect(await inspectToken(foreign, verifier)).toMatchObject({
      status: 'refused',
      reason: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    })
    expect(await inspectToken(foreign)).toMatchObject({ status: 'unverified', reason: undefined })
  })

  test('the report has neither the token nor its signature', async () => {
    const token = await mint()
    const report = JSON.stringify(await inspectToken(token, verifier))
    for (const part of token.split('.')) expect(report).not.toContain(part)
  })

  test('what is no JWT throws without repeating it', async () => {
    for (const text of ['', 'canary', 'canary.canary.canary']) {
      await expect(inspectToken(text)).rejects.toThrow(
        /^not a JWT: three base64url parts with dots between them are expected$/,
      )
    }
  })
})
