import type { RemoteAnswer } from '../engine/optimistic/remote-compute.ts'
import { KvError } from '../errors/errors.ts'
import type { RunKind, RunningScript, RunningScripts } from '../session/services.ts'
import { FairQueue } from './fair-queue.ts'
import type { FlatRequest } from './flat-requests.ts'
import { PoolThread, type ThreadOptions } from './pool-thread.ts'
import { MeanWait, Turn } from './turn.ts'

type Done = (error: Error | null, answer?: RemoteAnswer) => void

interface Task {
  readonly request: FlatRequest
  readonly done: Done
}

export interface PoolOptions extends ThreadOptions {
  readonly threads: number
}

/**
 * The threads that compute. Invariants: each request is answered once; the requests of automations are taken
 * in turn by the time that they used, and one automation has at most one under way; a thread that does not
 * answer in time is ended for good and replaced, and its request fails. While it waits for keys that time
 * stands still: the request itself sees to it that a wait ends, and one that waits much gives way to others.
 */
export class ComputePool implements RunningScripts {
  private readonly options: PoolOptions
  private readonly queue = new FairQueue<Task>()
  private readonly threads: PoolThread[] = []
  private readonly meanWait = new MeanWait()
  private readonly isWanted = (): boolean => this.queue.hasWaiting
  private closing = false

  constructor(options: PoolOptions) {
    this.options = options
  }

  /** Starts the threads before they are needed: a first script should not wait for them. */
  start(): void {
    while (this.threads.length < this.options.threads)
      this.threads.push(new PoolThread(this.options, this.isWanted))
  }

  compute(request: FlatRequest, done: Done): void {
    if (this.closing) return done(new KvError('unavailable'))
    this.queue.add(request.automation.id, { request, done })
    this.next()
  }

  running(automationId: string): RunningScript | undefined {
    return this.threads.map((thread) => thread.runningOf(automationId)).find((run) => run !== undefined)
  }

  kill(automationId: string, kind: RunKind): void {
    const running = this.running(automationId)
    if (running === undefined) throw new KvError('script_not_running')
    if (running.kind !== kind) throw new KvError(running.kind === 'script' ? 'script_runs' : 'function_runs')
    for (const thread of this.threads) thread.killOf(automationId)
  }

  async close(): Promise<void> {
    this.closing = true
    for (const { done } of this.queue.drain()) done(new KvError('unavailable'))
    await Promise.all(this.threads.map((thread) => thread.close()))
  }

  private next(): void {
    if (this.closing) return
    this.start()
    for (const thread of this.threads) {
      if (!thread.isFree) continue
      const taken = this.queue.take()
      if (taken === undefined) return
      const { id, item } = taken
      const turn = new Turn(item.request.needs.length, this.meanWait)
      thread.run(item.request, turn, (error, answer) => {
        this.queue.finished(id, turn.ms)
        try {
          item.done(error, answer)
        } finally {
          this.next()
        }
      })
    }
  }
}
