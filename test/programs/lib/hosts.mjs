// The two servers that each program meets: a plain Redis, and the product before a Redis of its own.
import { createStage, startServer } from '../../../bench/lib/contenders.mjs'
import { finish } from '../../../bench/lib/processes.mjs'

/** @typedef {{ port: number, password: string }} Host a server with nothing in it */

/** BullMQ deletes 1,000 jobs by one script: the default of 200 ms ends that on a machine that is busy. */
const SETTINGS = { AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS: '2000' }

/**
 * Starts both. `plain` and `ours` answer where a program finds an empty one.
 * @param {string[]} nodeArgs of the product's process
 */
export const startHosts = async (nodeArgs = []) => {
  const plainStage = await createStage()
  const ownStage = await createStage().catch(async (error) => {
    await plainStage.close()
    throw error
  })
  const stop = async () => {
    await plainStage.close()
    await ownStage.close()
  }
  const server = await startServer(ownStage, { nodeArgs, env: SETTINGS }).catch(async (error) => {
    await stop()
    throw error
  })
  const { redis } = plainStage
  return {
    /** @returns {Promise<Host>} */
    plain: async () => {
      await finish('redis-cli', ['-p', String(redis.port), 'FLUSHALL'], {
        env: { REDISCLI_AUTH: redis.password },
      })
      return { port: redis.port, password: redis.password }
    },
    /** @param {string} automation @returns {Host} */
    ours: (automation) => ({ port: server.port, password: ownStage.token(automation) }),
    close: async () => {
      await server.stop()
      await stop()
    },
  }
}
