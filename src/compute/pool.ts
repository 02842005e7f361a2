import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { EncodedWords } from '../backing/backing.ts'
import type { Scripts } from '../commands/scripting/scripts.ts'
import { COMMANDS } from '../commands/table.ts'
import type { ComputedJob } from '../engine/optimistic/computation.ts'
import type {
  RemoteAnswer,
  RemoteCompute,
  RemoteJob,
  RemoteRequest,
} from '../engine/optimistic/remote-compute.ts'
import { KvError } from '../errors/errors.ts'
import type { LuaScript } from '../lua-vm/script.ts'
import type { Log } from '../observability/log.ts'
import { type Flat, flatten, unflatten } from '../protocol/flat.ts'
import { EncodedReply, type Reply } from '../reply/reply.ts'
import { FairQueue } from './fair-queue.ts'
import {
  type AnswerMessage,
  type ComputeMessage,
  packNeeds,
  type SentJob,
  type SentOutcome,
  type ThreadSettings,
  unpackError,
  unpackNeeds,
} from './messages.ts'

type Done = (error: Error | null, answer?: RemoteAnswer) => void

interface Task {
  readonly request: RemoteRequest
  readonly done: Done
}

export interface PoolOptions {
  readonly threads: number
  readonly settings: ThreadSettings
  /** Knows the scripts that EVALSHA may name. */
  readonly scripts: Scripts
  readonly log: Log
  readonly report: (error: Error) => void
}

/** Beyond the limit of one script: opening, sealing, and the jobs that come before it. */
const SLACK_MS = 2_000
/** V8's heap of a thread; the Lua machine's memory and buffers are not in it. */
const HEAP_MIB = 256

const entry = fileURLToPath(new URL(`./thread${extname(import.meta.url)}`, import.meta.url))

/**
 * The threads that compute. Invariants: each request is answered once; the requests of automations are taken
 * in turn by the time that they used, and one automation has at most one under way; a thread that does not
 * answer in time is ended for good and replaced, and its request fails.
 */
export class ComputePool implements RemoteCompute {
  private readonly options: PoolOptions
  private readonly queue = new FairQueue<Task>()
  private readonly threads: Thread[] = []
  private closing = false

  constructor(options: PoolOptions) {
    this.options = options
  }

  /** Starts the threads before they are needed: a first script should not wait for them. */
  start(): void {
    while (this.threads.length < this.options.threads) this.threads.push(new Thread(this.options))
  }

  compute(request: RemoteRequest, done: Done): void {
    this.queue.add(request.automation.id, { request, done })
    this.next()
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
      const startedAt = performance.now()
      thread.run(item.request, (error, answer) => {
        this.queue.finished(id, performance.now() - startedAt)
        try {
          item.done(error, answer)
        } finally {
          this.next()
        }
      })
    }
  }
}

/** One thread, which is replaced when it dies or is ended. */
class Thread {
  private readonly options: PoolOptions
  private worker: Worker | undefined
  private current: { readonly request: RemoteRequest; readonly done: Done } | undefined
  private deadline: NodeJS.Timeout | undefined
  private requests = 0
  private closing = false

  constructor(options: PoolOptions) {
    this.options = options
    this.spawn()
  }

  get isFree(): boolean {
    return this.current === undefined
  }

  run(request: RemoteRequest, done: Done): void {
    this.current = { request, done }
    const message = this.messageOf(request)
    const { timeLimitMs } = this.options.settings.scripts
    this.deadline = setTimeout(() => this.end(), timeLimitMs + SLACK_MS)
    this.worker ??= this.spawn()
    this.worker.postMessage(message, [message.flat.buffer as ArrayBuffer])
  }

  async close(): Promise<void> {
    this.closing = true
    await this.worker?.terminate()
  }

  private spawn(): Worker {
    const worker = new Worker(entry, {
      workerData: this.options.settings,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    })
    this.worker = worker
    // It must not keep a process alive that has nothing else to do.
    worker.unref()
    worker.on('message', (answer: AnswerMessage) => {
      if (this.worker === worker && answer.id === this.requests) this.answered(answer)
    })
    worker.on('error', (error) => {
      this.options.log.error({ reason: error.name }, 'a compute thread failed')
    })
    worker.on('exit', () => {
      if (this.worker !== worker) return
      this.worker = undefined
      if (!this.closing) this.finish(new KvError('compute_ended'))
    })
    return worker
  }

  /** It takes too long: what it computes is given up, and nothing of it can be committed any more. */
  private end(): void {
    const { worker } = this
    this.worker = undefined
    this.options.log.warn({ automation: this.current?.request.automation.id }, 'a computation was ended')
    void worker?.terminate()
    this.finish(new KvError('compute_ended'))
  }

  private finish(error: Error | null, answer?: RemoteAnswer): void {
    clearTimeout(this.deadline)
    const { current } = this
    this.current = undefined
    current?.done(error, answer)
  }

  private messageOf({
    automation,
    needs,
    reply,
    complete,
    streamCounters,
    outside,
    jobs,
  }: RemoteRequest): ComputeMessage {
    const parts = jobs.map(
      (job): Flat =>
        job.type === 'document'
          ? job.args
          : [job.commands.map((args) => args ?? null), job.watched.map(({ name }) => name)],
    )
    return {
      id: ++this.requests,
      automationId: automation.id,
      complete,
      streamCounters,
      outside,
      jobs: jobs.map(sentJob),
      scripts: this.scriptsOf(automation.id, jobs),
      flat: flatten([packNeeds(needs), reply as Flat, ...parts]),
    }
  }

  /** Those that the jobs name and this process knows. */
  private scriptsOf(automationId: string, jobs: readonly RemoteJob[]): LuaScript[] {
    const found = new Map<string, LuaScript>()
    for (const script of jobs.flatMap((job) => this.scriptsIn(automationId, job)))
      found.set(script.sha1, script)
    return [...found.values()]
  }

  private scriptsIn(automationId: string, job: RemoteJob): LuaScript[] {
    if (job.type === 'document') return []
    return job.commands.flatMap((args) => {
      const row = args && COMMANDS.lookUp(args)
      if (row?.kind !== 'data' || row.script === undefined) return []
      const { given, at } = row.script
      return this.options.scripts.find(automationId, given, args![at]!) ?? []
    })
  }

  /** All scripts of a transaction count as long as the whole. */
  private noteSpeed(automationId: string, job: RemoteJob, ms: number): void {
    for (const { sha1 } of this.scriptsIn(automationId, job))
      this.options.scripts.took(automationId, sha1, ms)
  }

  private answered(message: AnswerMessage): void {
    for (const error of message.reported) this.options.report(unpackError(error))
    if (message.type === 'failed') return this.finish(unpackError(message.error))
    if (message.type === 'needs') {
      const { needs } = message
      return this.finish(null, {
        needs: typeof needs === 'string' ? needs : unpackNeeds(unflatten(needs)[0]!),
      })
    }
    const { automation, jobs } = this.current!.request
    for (const script of message.compiled) this.options.scripts.keep(automation.id, script)
    for (const [i, { ms }] of message.outcomes.entries()) this.noteSpeed(automation.id, jobs[i]!, ms)
    const { requests, mustCommit, words, wordCount, changed, replies } = message
    const bytes = bufferOf(replies)
    let at = 0
    const outcomes = message.outcomes.map((outcome) => {
      const computed = outcomeOf(outcome, bytes, at)
      for (const length of outcome.lengths ?? []) at += length
      return computed
    })
    this.finish(null, {
      outcomes,
      requests,
      mustCommit,
      words: new EncodedWords(wordCount, bufferOf(words)),
      changed: unflatten(changed) as Buffer[],
    })
  }
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)

function sentJob(job: RemoteJob): SentJob {
  if (job.type === 'document') return { type: 'document', name: job.name }
  const { type, identity, protocol, isTransaction, watched } = job
  return { type, identity, protocol, isTransaction, watched: watched.map(({ seen }) => seen) }
}

function outcomeOf(
  { error, requests, created, isList, lengths, value }: SentOutcome,
  bytes: Buffer,
  from: number,
): ComputedJob {
  if (error !== undefined) return { error: unpackError(error), result: undefined, requests, created }
  let at = from
  const replies = lengths?.map((length): Reply => {
    at += length
    return new EncodedReply([bytes.subarray(at - length, at)])
  })
  return { error: null, result: isList ? replies : (replies?.[0] ?? value), requests, created }
}
