import type { Doors } from '../app/app.ts'
import type { Config } from '../config/config.ts'
import type { Ground } from '../app/bootstrap.ts'
import type { Log } from '../observability/log.ts'
import { type Ending, Place } from './worker-process.ts'

/** A worker that ends before it has served for so long dies quickly. */
const QUICK_MS = 10_000
const MAX_QUICK_DEATHS = 5
const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 5_000
/** Beyond the time for draining both doors. */
const STOP_SLACK_MS = 5_000

export interface CrewOptions {
  readonly config: Config
  readonly ground: Ground
  readonly log: Log
  /** Called when a worker keeps dying. */
  readonly fatal: (reason: string) => void
}

/**
 * The workers. Invariants: at the start all of them listen, or the start fails; later each one that ends has a successor, unless it dies
 * quickly too often; after `stop` none is left.
 */
export class Crew {
  private readonly options: CrewOptions
  private readonly places: readonly Place[]
  private readonly pauses = new Set<NodeJS.Timeout>()
  private complete = false
  private stopping = false

  constructor(options: CrewOptions) {
    this.options = options
    this.places = Array.from({ length: options.config.workers }, (_, index) => new Place(index + 1, options.config, options.ground))
  }

  /** Resolves when all listen, with the ports that they share. Throws what the first one that cannot start says. */
  async start(): Promise<Doors['ports']> {
    const ports = await Promise.all(this.places.map((place) => this.occupy(place)))
    this.complete = true
    return ports[0]!
  }

  /**
   * A worker that has ended does not count: the others get its connections. One that listens without a link to the Redis does, since it
   * still gets its share of the connections.
   */
  async ready(): Promise<boolean> {
    const serving = this.places.filter(({ serves }) => serves)
    if (!this.complete || this.stopping || serving.length === 0) return false
    return (await Promise.all(serving.map((place) => place.ready()))).every(Boolean)
  }

  async stop(): Promise<void> {
    this.stopping = true
    for (const pause of this.pauses) clearTimeout(pause)
    const timeoutMs = 2 * this.options.config.drainTimeoutMs + STOP_SLACK_MS
    await Promise.all(this.places.map((place) => place.stop(timeoutMs)))
  }

  /** A new worker for the place; resolves when it listens. */
  private occupy(place: Place): Promise<Doors['ports']> {
    return new Promise((resolve, reject) => {
      place.fork({
        onListening: (ports, pid) => {
          this.options.log.info({ worker: place.number, pid }, 'worker is listening')
          resolve(ports)
        },
        onEnd: (ending) => {
          if (this.complete && !this.stopping) this.replace(place, ending)
          else reject(new Error(ending.problem ?? `worker ${place.number} ended while it started (${ending.reason})`))
        },
      })
    })
  }

  private replace(place: Place, { reason, problem, servedMs, orderly }: Ending): void {
    const quick = servedMs === undefined || servedMs < QUICK_MS
    // What keeps an orderly one from starting, such as a Redis that is away, will pass; the others serve meanwhile.
    if (orderly || !quick) place.quickDeaths = 0
    else place.quickDeaths++
    place.failures = quick ? place.failures + 1 : 0
    const { log, fatal } = this.options
    if (place.quickDeaths >= MAX_QUICK_DEATHS) {
      fatal(`worker ${place.number} ended ${MAX_QUICK_DEATHS} times in a row within ${QUICK_MS / 1000} s (the last time: ${reason})`)
      return
    }
    const fields = { worker: place.number, reason: problem ?? reason, count: place.failures }
    if (orderly && problem === undefined) log.info(fields, 'worker was stopped; starting another one')
    else log.error(fields, 'worker ended; starting another one')
    const pause = setTimeout(
      () => {
        this.pauses.delete(pause)
        // Its end, should it come, is dealt with above.
        this.occupy(place).catch(() => {})
      },
      Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, place.failures - 1), MAX_PAUSE_MS),
    )
    this.pauses.add(pause)
  }
}
