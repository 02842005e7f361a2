import { Redis } from 'ioredis'
import type { Identity } from '../../src/auth/tokens.ts'
import { Backing } from '../../src/backing/single-node.ts'
import { lookUp } from '../../src/commands/commands.ts'
import type { Call } from '../../src/commands/registry/call.ts'
import { errorReply, execute } from '../../src/commands/execution/execute.ts'
import { onFault } from '../../src/observability/faults.ts'
import { Store, type StoreLimits } from '../../src/engine/store.ts'
import { type Automation, Automations } from '../../src/automation/automation.ts'
import { Keyring } from '../../src/automation/keyring.ts'
import { KvError } from '../../src/errors/errors.ts'
import type { Log } from '../../src/observability/log.ts'
import type { Reply } from '../../src/reply/reply.ts'

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false }

// Refusals are in the replies, which the tests look at; a fault of ours would be in no reply.
onFault((error) => {
  if (!(error instanceof KvError)) process.stderr.write(`${error.stack}\n`)
})

/** The core without its doors: commands go in as arguments, replies come out. */
export interface Engine {
  readonly store: Store
  automation(automationId: string): Automation
  /** With `computed`, rows lose their direct way. */
  run(automationId: string, args: readonly (string | Buffer)[], options?: { computed?: boolean; readOnly?: boolean }): Promise<Reply>
  version(automationId: string): Promise<number>
  /** The backing Redis itself. */
  readonly redis: Redis
  close(): Promise<void>
}

export async function startEngine(redisUrl: string, limits: Partial<StoreLimits> = {}): Promise<Engine> {
  const backing = new Backing({ url: redisUrl, commandTimeoutMs: 10_000, log: quiet })
  await backing.connect()
  const automations = new Automations(Keyring.fromSettings({ secret: 'a-secret-for-tests-only-of-at-least-32-bytes' }))
  const store = new Store(backing, { maxKeys: 1_000, maxKeyLength: 255, maxValueSize: 1_048_576, lockTimeoutMs: 5_000, ...limits })
  const redis = new Redis(redisUrl, { protocol: 2 })
  return {
    store,
    redis,
    automation: (automationId) => automations.get(automationId),
    run(automationId, given, { computed = false, readOnly = false } = {}) {
      const args = given.map((arg) => Buffer.from(arg as string))
      const identity: Identity = { automationId, runId: 'run-1', issuedAt: undefined, expiresAt: Date.now() + 3_600_000, readOnly }
      return new Promise((resolve) => {
        try {
          const found = lookUp(args)
          if (found.kind === 'connection') throw new Error(`${found.name} is no command on data`)
          const row = computed && found.kind === 'data' ? { ...found, direct: undefined as never } : found
          const call: Call = { row, args, identity, automation: automations.get(automationId), store }
          execute(call, resolve)
        } catch (error) {
          resolve(errorReply(error as Error))
        }
      })
    },
    version: async (automationId) => Number((await redis.get(automations.get(automationId).versionKey)) ?? 0),
    async close() {
      redis.disconnect()
      await backing.close()
    },
  }
}
