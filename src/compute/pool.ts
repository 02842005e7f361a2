import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { EncodedWords } from '../backing/backing.ts'
import type { Scripts } from '../commands/scripting/scripts.ts'
import type { ComputedJob } from '../engine/optimistic/computation.ts'
import type { ReadBesides, RemoteAnswer, RemoteJob } from '../engine/optimistic/remote-compute.ts'
import { KvError } from '../errors/errors.ts'
import { PausableTimer } from '../lib/pausable-timer.ts'
import type { Log } from '../observability/log.ts'
import { type Flat, flatten, unflatten } from '../protocol/flat.ts'
import type { DecodedReply } from '../protocol/reply-decoder.ts'
import { EncodedReply, type Reply } from '../reply/reply.ts'
import { FairQueue } from './fair-queue.ts'
import type { FlatRequest } from './flat-requests.ts'
import { noteRun, scriptsOf } from './job-scripts.ts'
import {
  type AnswerMessage,
  type ComputeMessage,
  memoryOf,
  packNeeds,
  type ReadMessage,
  type SentJob,
  type SentOutcome,
  type ThreadData,
  type ThreadSettings,
  unpackError,
  unpackNeeds,
} from './messages.ts'
import { ReadAnswers } from './read-answers.ts'
import { MeanWait, Turn } from './turn.ts'

type Done = (error: Error | null, answer?: RemoteAnswer) => void

interface Current extends Task {
  readonly turn: Turn
}

interface Task {
  readonly request: FlatRequest
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
 * answer in time is ended for good and replaced, and its request fails. While it waits for keys that time
 * stands still: the request itself sees to it that a wait ends, and one that waits much gives way to others.
 */
export class ComputePool {
  private readonly options: PoolOptions
  private readonly queue = new FairQueue<Task>()
  private readonly threads: Thread[] = []
  private readonly meanWait = new MeanWait()
  private readonly isWanted = (): boolean => this.queue.hasWaiting
  private closing = false

  constructor(options: PoolOptions) {
    this.options = options
  }

  /** Starts the threads before they are needed: a first script should not wait for them. */
  start(): void {
    while (this.threads.length < this.options.threads)
      this.threads.push(new Thread(this.options, this.isWanted))
  }

  compute(request: FlatRequest, done: Done): void {
    if (this.closing) return done(new KvError('unavailable'))
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

/** One thread, which is replaced when it dies or is ended. */
class Thread {
  private readonly options: PoolOptions
  private readonly isWanted: () => boolean
  private worker: Worker | undefined
  private current: Current | undefined
  private readonly deadline = new PausableTimer(() => this.end())
  private requests = 0
  private closing = false

  /** `isWanted`: whether others wait for a thread. */
  constructor(options: PoolOptions, isWanted: () => boolean) {
    this.options = options
    this.isWanted = isWanted
    this.spawn()
  }

  get isFree(): boolean {
    return this.current === undefined
  }

  run(request: FlatRequest, turn: Turn, done: Done): void {
    this.current = { request, turn, done }
    const message = this.messageOf(request)
    const { timeLimitMs } = this.options.settings.scripts
    this.deadline.start(timeLimitMs + SLACK_MS)
    this.worker ??= this.spawn()
    this.worker.postMessage(message, memoryOf([message.flat, ...message.reply]))
  }

  async close(): Promise<void> {
    this.closing = true
    await this.worker?.terminate()
  }

  private spawn(): Worker {
    const reads = new ReadAnswers()
    const workerData: ThreadData = { ...this.options.settings, reads: reads.channel }
    const worker = new Worker(entry, {
      workerData,
      transferList: [reads.channel.port],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    })
    this.worker = worker
    // It must not keep a process alive that has nothing else to do.
    worker.unref()
    worker.on('message', (message: AnswerMessage | ReadMessage) => {
      if (this.worker !== worker || message.id !== this.requests) return
      if (message.type === 'read') this.read(message, reads)
      else this.answered(message)
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

  /** What it computes waits for keys. */
  private read({ request, computedMs, flat }: ReadMessage, reads: ReadAnswers): void {
    const { current } = this
    if (current === undefined || (this.isWanted() && current.turn.isOver(computedMs))) {
      reads.refuse(request)
      return
    }
    const startedAt = performance.now()
    const needs = unpackNeeds(unflatten(flat)[0]!)
    this.deadline.pause()
    current.request.read(needs, (error, reply) => {
      // It may have ended meanwhile, or no longer wait.
      if (this.current !== current) return
      this.deadline.resume()
      current.turn.waited(performance.now() - startedAt, needs.length)
      reads.answer(request, error, reply)
    })
  }

  private finish(error: Error | null, answer?: RemoteAnswer): void {
    this.deadline.stop()
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
  }: FlatRequest): ComputeMessage {
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
      scripts: scriptsOf(this.options.scripts, automation.id, jobs),
      flat: flatten([packNeeds(needs), ...parts]),
      reply,
    }
  }

  private answered(message: AnswerMessage): void {
    for (const error of message.reported) this.options.report(unpackError(error))
    if (message.type === 'failed') return this.finish(unpackError(message.error))
    if (message.type === 'needs') {
      const { flat, allNames, outside } = message
      return this.finish(null, { needs: unpackNeeds(unflatten(flat)[0]!), allNames, outside })
    }
    const { automation, jobs } = this.current!.request
    for (const script of message.compiled) this.options.scripts.keep(automation.id, script)
    for (const [i, outcome] of message.outcomes.entries())
      noteRun(this.options.scripts, automation.id, jobs[i]!, outcome)
    const { requests, mustCommit, words, wordCount, changed, replies, besides } = message
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
      besides: besides === undefined ? undefined : besidesOf(besides),
      words: new EncodedWords(wordCount, bufferOf(words)),
      changed: unflatten(changed) as Buffer[],
    })
  }
}

function besidesOf(flat: Uint8Array): ReadBesides {
  const [needs, guards] = unflatten(flat) as [DecodedReply, Buffer[] | null]
  return { needs: unpackNeeds(needs), guards: guards ?? undefined }
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
