import { describe, expect, test } from 'vitest'
import { mintToken } from '../../src/auth/mint.ts'
import { TokenVerifier } from '../../src/auth/tokens.ts'
import { SECRET } from '../helpers/server.ts'

const HOUR_MS = 3_600_000
const START = Date.UTC(2026, 0, 1)

describe('a clock that jumps', () => {
  const setup = async (): Promise<{ jump(ms: number): void; verdict(): Promise<string> }> => {
    let now = START
    const verifier = new TokenVerifier({ secret: SECRET, now: () => now })
    const token = await mintToken({
      secret: SECRET,
      automationId: 'clock',
      runId: 'r',
      ttlSeconds: HOUR_MS / 1000,
      now: () => START,
    })
    return {
      jump: (ms) => void (now += ms),
      verdict: () =>
        Promise.resolve(verifier.verify(token)).then(
          () => 'valid',
          (error: { code: string }) => error.code,
        ),
    }
  }

  test('forward: a token that was verified and remembered is refused as soon as it is over', async () => {
    const { jump, verdict } = await setup()
    expect(await verdict()).toBe('valid')
    jump(HOUR_MS - 1_000)
    expect(await verdict()).toBe('valid')
    jump(2_000)
    expect(await verdict()).toBe('token_expired')
  })

  test('back again, before the token was minted: it counts by its end alone, and the jump forward has left nothing behind', async () => {
    const { jump, verdict } = await setup()
    expect(await verdict()).toBe('valid')
    jump(2 * HOUR_MS)
    expect(await verdict()).toBe('token_expired')
    jump(-2 * HOUR_MS)
    expect(await verdict()).toBe('valid')
    jump(-30_000)
    expect(await verdict()).toBe('valid')
  })
})
