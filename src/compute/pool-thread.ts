import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { EncodedWords } from '../backing/backing.ts'
import type { Scripts } from '../commands/scripting/scripts.ts'
import { COMMANDS } from '../commands/table.ts'
import type { ComputedJob } from '../engine/optimistic/computation.ts'
import type { ReadBesides, RemoteAnswer, RemoteJob } from '../engine/optimistic/remote-compute.ts'
import { KvError } from '../errors/errors.ts'
import { PausableTimer } from '../lib/pausable-timer.ts'
import { killedByUser } from '../lua-vm/engine.ts'
import { sha1Of } from '../lua-vm/script.ts'
import type { Log } from '../observability/log.ts'
import { type Flat, flatten, unflatten } from '../protocol/flat.ts'
import type { DecodedReply } from '../protocol/reply-decoder.ts'
import { EncodedReply, type Reply } from '../reply/reply.ts'
import type { RunningScript } from '../session/services.ts'
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
import { RunDisplay } from './run-board.ts'
import type { Turn } from './turn.ts'

type Done = (error: Error | null, answer?: RemoteAnswer) => void

interface Current {
  readonly request: FlatRequest
  readonly done: Done
  readonly turn: Turn
}

export interface ThreadOptions {
  readonly settings: ThreadSettings
  /** Knows the scripts that EVALSHA may name. */
  readonly scripts: Scripts
  readonly log: Log
  readonly report: (error: Error) => void
}

/** Beyond the limit of one script: opening, sealing, and the jobs before it. More for what is large. */
const SLACK_MS = 2_000
const SLACK_MS_A_BYTE = 1 / 1_024
/** A script that its user ends is given so long to see it, before its thread is ended. */
const KILL_GRACE_MS = 500
/** V8's heap of a thread; the Lua machine's memory and buffers are not in it. */
const HEAP_MIB = 256

const entry = fileURLToPath(new URL(`./thread${extname(import.meta.url)}`, import.meta.url))

/** One thread, which is replaced when it dies or is ended. */
export class PoolThread {
  private readonly options: ThreadOptions
  private readonly isWanted: () => boolean
  private worker: Worker | undefined
  private current: Current | undefined
  private display = new RunDisplay()
  /** What is answered when the script that runs ends because its user wants it. */
  private killed: KvError | undefined
  private isReading = false
  private readonly deadline = new PausableTimer(() => this.end())
  private limitMs = 0
  private requests = 0
  private closing = false

  /** `isWanted`: whether others wait for a thread. */
  constructor(options: ThreadOptions, isWanted: () => boolean) {
    this.options = options
    this.isWanted = isWanted
    this.spawn()
  }

  get isFree(): boolean {
    return this.current === undefined
  }

  run(request: FlatRequest, turn: Turn, done: Done): void {
    this.current = { request, turn, done }
    this.killed = undefined
    this.isReading = false
    const message = this.messageOf(request)
    const bytes = message.reply.reduce((sum, { length }) => sum + length, message.flat.length)
    this.limitMs = this.options.settings.scripts.timeLimitMs + SLACK_MS + bytes * SLACK_MS_A_BYTE
    this.deadline.start(this.limitMs)
    this.worker ??= this.spawn()
    this.worker.postMessage(message, memoryOf([message.flat, ...message.reply]))
  }

  /** What runs on it, if that is of this automation. */
  runningOf(automationId: string): RunningScript | undefined {
    const { shown } = this.display
    const { request } = this.current ?? {}
    if (shown === undefined || request?.automation.id !== automationId) return undefined
    const job = request.jobs[shown.job]
    const command = job?.type === 'commands' ? job.commands[shown.command] : undefined
    if (command === undefined) return undefined
    return { kind: shown.kind, name: nameOf(command), command, ms: shown.ms }
  }

  /** Ends what runs on it, if that is of this automation. */
  killOf(automationId: string): void {
    const running = this.runningOf(automationId)
    if (running === undefined) return
    this.killed = killedByUser(running.name)
    this.display.kill()
    // One that is inside of a costly function does not look.
    if (!this.isReading) this.deadline.start(KILL_GRACE_MS)
  }

  async close(): Promise<void> {
    this.closing = true
    await this.worker?.terminate()
  }

  private spawn(): Worker {
    const reads = new ReadAnswers()
    this.display = new RunDisplay()
    const { shared: board } = this.display
    const workerData: ThreadData = { ...this.options.settings, reads: reads.channel, board }
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
    const { worker, killed, display } = this
    if (killed !== undefined && (!display.isUnseen || display.shown === undefined)) {
      // That one has ended; others of its batch go on.
      this.killed = undefined
      this.deadline.start(this.limitMs)
      return
    }
    this.worker = undefined
    if (killed === undefined)
      this.options.log.warn({ automation: this.current?.request.automation.id }, 'a computation was ended')
    void worker?.terminate()
    this.finish(killed ?? new KvError('compute_ended'))
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
    this.isReading = true
    current.request.read(needs, (error, reply) => {
      // It may have ended meanwhile, or no longer wait.
      if (this.current !== current) return
      this.deadline.resume()
      this.isReading = false
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
    libraries,
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
      libraries: libraries?.packed,
      jobs: jobs.map(sentJob),
      scripts: scriptsOf(this.options.scripts, automation.id, jobs),
      flat: flatten([packNeeds(needs), ...parts]),
      reply,
    }
  }

  private answered(message: AnswerMessage): void {
    for (const error of message.reported) this.options.report(unpackError(error))
    if (message.type === 'failed') return this.finish(unpackError(message.error))
    // It would begin anew, without knowing that it is to end.
    if (message.type === 'needs' && this.killed !== undefined && this.display.isUnseen)
      return this.finish(this.killed)
    if (message.type === 'needs') {
      const { flat, allNames, outside } = message
      return this.finish(null, { needs: unpackNeeds(unflatten(flat)[0]!), allNames, outside })
    }
    const { automation, jobs, libraries } = this.current!.request
    for (const { id, bytecode } of message.compiledLibraries) libraries?.compiled(id, bufferOf(bytecode))
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

/** A script by its SHA1, a function by the name that it was called by. */
function nameOf(command: readonly Buffer[]): string {
  const row = COMMANDS.lookUp(command)
  const { given, at } = (row.kind === 'data' ? row.script : undefined) ?? { given: 'function', at: 1 }
  return given === 'source' ? sha1Of(command[at]!) : command[at]!.toString('latin1')
}

function besidesOf(flat: Uint8Array): ReadBesides {
  const [needs, guards] = unflatten(flat) as [DecodedReply, Buffer[] | null]
  return { needs: unpackNeeds(needs), guards: guards ?? undefined }
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)

function sentJob(job: RemoteJob): SentJob {
  if (job.type === 'document') return { type: 'document', name: job.name }
  const { type, identity, protocol, isTransaction, isTraced, watched } = job
  return { type, identity, protocol, isTransaction, isTraced, watched: watched.map(({ seen }) => seen) }
}

function outcomeOf(
  { error, requests, created, isList, lengths, value, calls: flatCalls }: SentOutcome,
  bytes: Buffer,
  from: number,
): ComputedJob {
  const calls = flatCalls && (unflatten(flatCalls) as Buffer[][])
  if (error !== undefined) return { error: unpackError(error), result: undefined, requests, created, calls }
  let at = from
  const replies = lengths?.map((length): Reply => {
    at += length
    return new EncodedReply([bytes.subarray(at - length, at)])
  })
  return { error: null, result: isList ? replies : (replies?.[0] ?? value), requests, created, calls }
}
