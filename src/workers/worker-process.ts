import cluster, { type Worker } from 'node:cluster'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Servers } from '../app/app.ts'
import type { Bootstrapped } from '../app/bootstrap.ts'
import type { Config } from '../config/load.ts'
import { compileCache } from '../lib/compile-cache.ts'
import { type FromWorker, pack, type ToWorker } from './messages.ts'

/** A worker that does not answer in this time does not serve either. */
const ANSWER_MS = 1_000
const SILENT = 'it does not answer'
const GONE = 'it has ended'

export interface Ending {
  /** The signal or the exit code. */
  readonly reason: string
  /** Why it could not start, in its own words. */
  readonly problem: string | undefined
  /** How long it listened; undefined when it never did. */
  readonly servedMs: number | undefined
  /** It was stopped, or said why it could not start: not a crash. */
  readonly orderly: boolean
}

export interface WorkerEvents {
  onListening(ports: Servers['ports'], pid: number | undefined): void
  onEnd(ending: Ending): void
}

/** The path of a module beside this one, compiled or not. */
const beside = (name: string): string =>
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url))

/** One place in the crew, which one worker after the other takes. */
export class WorkerProcess {
  readonly number: number
  /** In a row. */
  quickDeaths = 0
  failures = 0
  private readonly start: ToWorker
  private worker: Worker | undefined
  private listeningSince: number | undefined
  private questions: Array<(problem: string | undefined) => void> = []

  constructor(number: number, config: Config, bootstrapped: Bootstrapped) {
    this.number = number
    this.start = { type: 'start', number, config: pack(config), bootstrapped }
  }

  get serves(): boolean {
    return this.listeningSince !== undefined
  }

  fork({ onListening, onEnd }: WorkerEvents): void {
    // The configuration holds buffers, which JSON would not bring over.
    cluster.setupPrimary({ exec: beside('worker'), args: [], serialization: 'advanced' })
    const worker = cluster.fork(
      compileCache.folder === undefined ? {} : { NODE_COMPILE_CACHE: compileCache.folder },
    )
    let problem: string | undefined
    this.worker = worker
    worker.on('error', (error) => {
      problem ??= error.message
      // A process that could not even be made never exits.
      if (worker.process.pid === undefined) worker.emit('exit', 1, null)
    })
    worker.on('message', (message: FromWorker) => {
      if (message.type === 'loaded') this.tell(this.start)
      else if (message.type === 'listening') {
        this.listeningSince = Date.now()
        onListening(message.ports, worker.process.pid)
      } else if (message.type === 'failed') problem = message.problem
      else this.answer(message.problem)
    })
    worker.once('exit', (code: number | null, signal: string | null) => {
      const servedMs = this.listeningSince === undefined ? undefined : Date.now() - this.listeningSince
      this.worker = undefined
      this.listeningSince = undefined
      this.answer(GONE)
      onEnd({
        reason: signal ?? `code ${code}`,
        problem,
        servedMs,
        orderly: code === 0 || problem !== undefined,
      })
    })
  }

  /** Why the worker cannot serve; undefined when it can. */
  problem(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const deadline = setTimeout(() => resolve(SILENT), ANSWER_MS)
      this.questions.push((problem) => {
        clearTimeout(deadline)
        resolve(problem)
      })
      this.tell({ type: 'problem?' })
    })
  }

  /** Lets the worker drain, and kills it after `timeoutMs`. Resolves when it is gone. */
  async stop(timeoutMs: number): Promise<void> {
    const { worker } = this
    if (worker === undefined) return
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const deadline = setTimeout(() => worker.process.kill('SIGKILL'), timeoutMs)
    worker.process.kill('SIGTERM')
    await gone
    clearTimeout(deadline)
  }

  private answer(problem: string | undefined): void {
    for (const answer of this.questions.splice(0)) answer(problem)
  }

  private tell(message: ToWorker): void {
    // A worker that is ending hears nothing; its exit tells.
    this.worker?.send(message, () => {})
  }
}
