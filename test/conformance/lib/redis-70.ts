import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { startRedis, type TestRedis } from '../../helpers/redis.ts'

/** Answers with Buffers; an error reply becomes an `Error` as a value, so that it can be compared. */
export type Call = (command: string, ...args: readonly (Buffer | string | number)[]) => Promise<unknown>

/**
 * A real Redis for the tests of the enclosing `describe`. They are skipped when it is not a 7.0: encodings
 * and COMMAND DOCS differ from 7.2 on.
 */
export function useRedis70(): Call {
  let server: TestRedis
  let redis: Redis
  let is70: boolean

  beforeAll(async () => {
    server = await startRedis()
    redis = new Redis(server.url, { protocol: 2 })
    is70 = /^redis_version:7\.0\./m.test(await redis.info('server'))
  }, 60_000)
  beforeEach(({ skip }) => skip(!is70, 'needs Redis 7.0'))
  afterAll(async () => {
    redis?.disconnect()
    await server?.stop()
  })

  return async (command, ...args) => {
    try {
      return await redis.callBuffer(command, ...args)
    } catch (error) {
      return error
    }
  }
}

/** A reply as text (latin1), an error as its message. */
export const asText = (reply: unknown): string =>
  reply instanceof Error ? reply.message : Buffer.isBuffer(reply) ? reply.toString('latin1') : String(reply)
