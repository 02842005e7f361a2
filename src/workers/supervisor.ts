import type { Servers } from '../app/app.ts'
import type { Bootstrapped } from '../app/bootstrap.ts'
import type { Config } from '../config/load.ts'
import type { Log } from '../observability/log.ts'
import { type Check, checksOf } from '../servers/admin/admin-server.ts'
import { type Ending, WorkerProcess } from './worker-process.ts'

/** A worker that ends before it has served for so long dies quickly. */
const QUICK_MS = 10_000
const MAX_QUICK_DEATHS = 5
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5_000
/** Beyond the time for draining both doors. */
const STOP_SLACK_MS = 5_000

export interface SupervisorOptions {
  readonly config: Config
  readonly bootstrapped: Bootstrapped
  readonly log: Log
  /** Called when a worker keeps dying. */
  readonly fatal: (reason: string) => void
}

/**
 * The workers. Invariants: at the start all of them listen, or the start fails; later each one that ends has
 * a successor, unless it dies quickly too often; after `stop` none is left.
 */
export class Supervisor {
  private readonly options: SupervisorOptions
  private readonly workers: readonly WorkerProcess[]
  private readonly pauses = new Set<NodeJS.Timeout>()
  private complete = false
  private stopping = false

  constructor(options: SupervisorOptions) {
    this.options = options
    this.workers = Array.from(
      { length: options.config.workers },
      (_, index) => new WorkerProcess(index + 1, options.config, options.bootstrapped),
    )
  }

  /**
   * Resolves when all listen, with the ports that they share. Throws what the first one that cannot start
   * says.
   */
  async start(): Promise<Servers['ports']> {
    const ports = await Promise.all(this.workers.map((worker) => this.fork(worker)))
    this.complete = true
    return ports[0]!
  }

  /**
   * A worker that has ended does not count: the others get its connections. One that listens without a link
   * to the Redis does, since it still gets its share of the connections.
   */
  async checks(): Promise<readonly Check[]> {
    const serving = this.workers.filter(({ serves }) => serves)
    const problem = serving.length === 0 ? 'no worker listens' : undefined
    const overall = checksOf(problem, this.complete, this.stopping)
    if (problem !== undefined || !this.complete || this.stopping) return overall
    const each = serving.map(async (worker): Promise<Check> => {
      const name = `worker ${worker.number}`
      const found = await worker.problem()
      return found === undefined ? { name, ok: true } : { name, ok: false, reason: `${name}: ${found}` }
    })
    return [overall[0]!, ...(await Promise.all(each))]
  }

  /** From now on it says that it stops. */
  announceStop(): void {
    this.stopping = true
  }

  async stop(): Promise<void> {
    this.stopping = true
    for (const pause of this.pauses) clearTimeout(pause)
    const timeoutMs = 2 * this.options.config.drainTimeoutMs + STOP_SLACK_MS
    await Promise.all(this.workers.map((worker) => worker.stop(timeoutMs)))
  }

  /** Forks a worker process; resolves when it listens. */
  private fork(worker: WorkerProcess): Promise<Servers['ports']> {
    return new Promise((resolve, reject) => {
      worker.fork({
        onListening: (ports, pid) => {
          this.options.log.info({ worker: worker.number, pid }, 'worker is listening')
          resolve(ports)
        },
        onEnd: (ending) => {
          if (this.complete && !this.stopping) this.replace(worker, ending)
          else
            reject(
              new Error(
                ending.problem ?? `worker ${worker.number} ended while it started (${ending.reason})`,
              ),
            )
        },
      })
    })
  }

  private replace(worker: WorkerProcess, { reason, problem, servedMs, orderly }: Ending): void {
    const quick = servedMs === undefined || servedMs < QUICK_MS
    // What keeps an orderly one from starting, such as a Redis that is away, will pass; the others serve
    // meanwhile.
    if (orderly || !quick) worker.quickDeaths = 0
    else worker.quickDeaths++
    worker.failures = quick ? worker.failures + 1 : 0
    const { log, fatal } = this.options
    if (worker.quickDeaths >= MAX_QUICK_DEATHS) {
      fatal(
        `worker ${worker.number} ended ${MAX_QUICK_DEATHS} times in a row within ${QUICK_MS / 1000} s (the last time: ${reason})`,
      )
      return
    }
    const fields = { worker: worker.number, reason: problem ?? reason, count: worker.failures }
    if (orderly && problem === undefined) log.info(fields, 'worker was stopped; starting another one')
    else log.error(fields, 'worker ended; starting another one')
    const pause = setTimeout(
      () => {
        this.pauses.delete(pause)
        // Its end, should it come, is dealt with above.
        this.fork(worker).catch(() => {})
      },
      Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, worker.failures - 1), MAX_PAUSE_MS),
    )
    this.pauses.add(pause)
  }
}
