import { Redis } from 'ioredis'
import type { Identity } from '../../src/auth/tokens.ts'
import { type Automation, Automations } from '../../src/automation/automation.ts'
import { Keyring } from '../../src/automation/keyring.ts'
import { SingleNode } from '../../src/backing/single-node.ts'
import { errorReply } from '../../src/commands/execution/error-reply.ts'
import { execute } from '../../src/commands/execution/execute.ts'
import { Scripts } from '../../src/commands/scripting/scripts.ts'
import { COMMANDS } from '../../src/commands/table.ts'
import { Store, type StoreLimits } from '../../src/engine/store.ts'
import { KvError } from '../../src/errors/errors.ts'
import { Gate } from '../../src/gate/gate.ts'
import type { Log } from '../../src/observability/log.ts'
import type { Call } from '../../src/registry/context.ts'
import type { Reply } from '../../src/reply/reply.ts'
import type { Services } from '../../src/session/services.ts'

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false }

/** Refusals are in the replies, which the tests look at; a fault of ours would be in no reply. */
export const reportFaults = (error: Error): void => {
  if (!(error instanceof KvError)) process.stderr.write(`${error.stack}\n`)
}

/** The core without its doors: commands go in as arguments, replies come out. */
export interface Engine {
  readonly store: Store
  automation(automationId: string): Automation
  /** With `computed`, rows lose their direct way. */
  run(
    automationId: string,
    args: readonly (string | Buffer)[],
    options?: { computed?: boolean; readOnly?: boolean },
  ): Promise<Reply>
  version(automationId: string): Promise<number>
  /** The backing Redis itself. */
  readonly redis: Redis
  close(): Promise<void>
}

export interface EngineOptions extends Partial<StoreLimits> {
  readonly report?: (error: Error) => void
}

export async function startEngine(
  redisUrl: string,
  { report = reportFaults, ...limits }: EngineOptions = {},
): Promise<Engine> {
  const backing = new SingleNode({ url: redisUrl, commandTimeoutMs: 10_000, log: quiet })
  await backing.connect()
  const automations = new Automations(
    Keyring.fromSettings({ secret: 'a-secret-for-tests-only-of-at-least-32-bytes' }),
  )
  const store = new Store(
    backing,
    {
      maxKeys: 1_000,
      maxBytes: 2 ** 30,
      maxElements: 1_000_000,
      maxValueSize: 1_048_576,
      lockTimeoutMs: 5_000,
      ...limits,
    },
    report,
  )
  const gate = new Gate({
    maxKeyLength: 255,
    maxKeysPerCommand: 1_000_000,
    maxValueSize: store.limits.maxValueSize,
  })
  const scripts = new Scripts(COMMANDS, gate, { timeLimitMs: 200, memoryLimitBytes: 32 * 1024 * 1024 })
  const services: Services = { store, scripts, report, info: () => Promise.resolve([]) }
  const redis = new Redis(redisUrl, { protocol: 2 })
  return {
    store,
    redis,
    automation: (automationId) => automations.get(automationId),
    run(automationId, given, { computed = false, readOnly = false } = {}) {
      const args = given.map((arg) => Buffer.from(arg as string))
      const identity: Identity = {
        automationId,
        runId: 'run-1',
        issuedAt: undefined,
        expiresAt: Date.now() + 3_600_000,
        readOnly,
      }
      return new Promise((resolve) => {
        try {
          const found = COMMANDS.lookUp(args)
          if (found.kind === 'connection') throw new Error(`${found.name} is no command on data`)
          const row = computed && found.kind === 'data' ? { ...found, direct: undefined as never } : found
          gate.allow(identity, row, args)
          const call: Call = { args, identity, automation: automations.get(automationId), services }
          execute(row, call, (error, reply) => resolve(error === null ? reply : errorReply(error, report)))
        } catch (error) {
          resolve(errorReply(error as Error, report))
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
