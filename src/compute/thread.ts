import { parentPort, workerData } from 'node:worker_threads'
import { Automations } from '../automation/automation.ts'
import { Keyring } from '../automation/keyring.ts'
import type { BackingReply } from '../backing/backing.ts'
import { runQueued } from '../commands/execution/transaction.ts'
import { Scripts } from '../commands/scripting/scripts.ts'
import { COMMANDS } from '../commands/table.ts'
import { DOCUMENT_JOBS, type DocumentJobName } from '../documents/document-jobs.ts'
import { unpackSet } from '../engine/libraries/library.ts'
import { Computation } from '../engine/optimistic/computation.ts'
import { ExtensibleSnapshot } from '../engine/optimistic/extensible-snapshot.ts'
import { unpackOutside } from '../engine/optimistic/outside-of-batch.ts'
import type { Database } from '../engine/plaintext/database.ts'
import type { Need } from '../engine/plaintext/extent.ts'
import { NotLoaded } from '../engine/plaintext/not-loaded.ts'
import { KvError } from '../errors/errors.ts'
import { Gate } from '../gate/gate.ts'
import { encodeReply, OutputBuffer } from '../protocol/encode.ts'
import { type Flat, flatten, unflatten } from '../protocol/flat.ts'
import type { DecodedReply } from '../protocol/reply-decoder.ts'
import type { RunContext } from '../registry/context.ts'
import { isComputed } from '../registry/row.ts'
import { runRow } from '../registry/run-row.ts'
import type { Reply } from '../reply/reply.ts'
import {
  type AnswerMessage,
  type ComputeMessage,
  memoryOf,
  packError,
  packNeeds,
  type SentCommands,
  type SentError,
  type SentOutcome,
  type ThreadData,
  unpackNeeds,
} from './messages.ts'
import { RunBoard } from './run-board.ts'
import { ThreadReads } from './thread-reads.ts'

// One thread that computes: it gets sealed snapshots and commands, opens, runs, and answers what is to be
// committed, sealed again, and the replies as they go to the clients. It has no socket: for what a job looks
// at beyond its snapshot it asks the main thread, and sleeps until that is there. What it keeps from
// one message to the next are derived keys and headers, and of which KEYS of a script it read all; never a
// value, a script or anything of a Lua machine.

/** When the jobs of a message took this long, the others wait for the next one. */
const MAX_COMPUTE_MS = 25

/** Of all replies of a message together; the last one may go beyond it. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024

const settings = workerData as ThreadData
const reads = new ThreadReads(settings.reads, (message) => {
  parentPort!.postMessage(message, memoryOf([message.flat]))
})
const automations = new Automations(new Keyring(settings.roots))
const gate = new Gate(settings)
const board = new RunBoard(settings.board)
const limits = { ...settings.scripts, waitedMs: () => reads.waitedMs }
const scripts = new Scripts(COMMANDS, gate, limits, 'thread', board)

let reported: SentError[] = []
const report = (error: Error): void => void reported.push(packError(error))

type Work = (db: Database) => readonly Reply[] | undefined

/** What the commands of a job do: their replies; undefined when a watched key was touched. */
function workOf(
  job: SentCommands,
  at: number,
  commands: readonly (Buffer[] | null)[],
  watched: readonly Buffer[],
): Work {
  const automation = automations.get(job.identity.automationId)
  const context: RunContext = { identity: job.identity, automation, services: { scripts, report } }
  const queue = commands.map((args) => {
    if (args === null) return undefined
    const row = COMMANDS.lookUp(args)
    if (!isComputed(row)) throw new Error(`${row.name} is no command on data`)
    return { row, args }
  })
  if (!job.isTransaction) {
    const { row, args } = queue[0]!
    return (db) => {
      board.at(at, 0)
      return [runRow(row, db, args, () => row.run(db, args, context))]
    }
  }
  return (db) => {
    if (!watched.every((name, i) => db.untouchedSince(name, job.watched[i]!))) return undefined
    return queue.map((command, i) => {
      board.at(at, i)
      return command === undefined ? null : runQueued(db, command, context)
    })
  }
}

const out = new OutputBuffer()

/** The length of a reply that was appended to `out`. A fault of ours in it becomes its error. */
function append(reply: Reply, job: SentCommands): number {
  const before = out.bytes
  // A list of references costs nothing, the bytes that they stand for do.
  if (before > MAX_REPLY_BYTES) throw new KvError('reply_too_large', { allowed: MAX_REPLY_BYTES })
  try {
    encodeReply(reply, job.protocol, out)
  } catch (error) {
    // What was begun of this reply cannot be taken back from the buffer: the whole answer fails.
    throw Object.assign(new Error('a reply could not be encoded'), { cause: (error as Error).name })
  }
  return out.bytes - before
}

type Computed = AnswerMessage & { readonly type: 'computed' }
type Ran = Omit<SentOutcome, 'ms' | 'waits' | 'used'>

function runDocument(computation: Computation, name: string, args: DecodedReply): Ran {
  const job = DOCUMENT_JOBS[name as DocumentJobName]
  const limits = { gate, maxValueSize: settings.maxValueSize }
  const { error, result, requests, created } = computation.run({
    run: (db) => job(db, args as Buffer[], limits),
  })
  const sent = error === null ? undefined : packError(error)
  return { error: sent, requests, created, isList: false, lengths: undefined, value: result }
}

function runCommands(computation: Computation, job: SentCommands, at: number, part: DecodedReply): Ran {
  const [commands, watched] = part as [(Buffer[] | null)[], Buffer[]]
  const run = workOf(job, at, commands, watched)
  const { error, result, requests, created, calls } = computation.run({ run, isTraced: job.isTraced })
  const replies = result as readonly Reply[] | undefined
  const sent = error === null ? undefined : packError(error)
  return {
    error: sent,
    requests,
    created,
    calls: calls && flatten(calls),
    isList: job.isTransaction,
    lengths: replies?.map((each) => append(each, job)),
  }
}

/** The jobs run on `snapshot`; `parts` has the bytes of each. Throws NotLoaded. */
function compute(
  message: ComputeMessage,
  snapshot: ExtensibleSnapshot,
  parts: readonly DecodedReply[],
): Computed {
  const { id, automationId, streamCounters, jobs } = message
  const { automation } = snapshot
  scripts.adopt(automationId, message.scripts)
  const libraries = message.libraries && unpackSet(message.libraries)
  const uncompiled = libraries?.libraries.filter(({ chunk }) => chunk.bytecode === undefined) ?? []
  const outside = unpackOutside(Buffer.from(message.outside), libraries)
  const computation = new Computation(snapshot, settings, outside)
  const outcomes: SentOutcome[] = []
  const late = performance.now() + MAX_COMPUTE_MS
  for (const [i, job] of jobs.entries()) {
    const startedAt = performance.now() - reads.waitedMs
    const readBefore = snapshot.reads
    const outcome =
      job.type === 'document'
        ? runDocument(computation, job.name, parts[i]!)
        : runCommands(computation, job, i, parts[i]!)
    const ms = performance.now() - reads.waitedMs - startedAt
    outcomes.push({ ...outcome, ms, waits: snapshot.reads - readBefore, used: scripts.uses.take() })
    if (performance.now() > late || computation.db.messages.areMany) break
  }
  const words = computation.words(automation, snapshot.needs, streamCounters) as Flat[]
  return {
    id,
    type: 'computed',
    reported,
    outcomes,
    requests: computation.requests,
    mustCommit: computation.mustCommit,
    besides: snapshot.reads === 0 ? undefined : besidesOf(snapshot, computation.mustCommit),
    replies: ownBytes(Buffer.concat(out.take())),
    words: flatten(words.map((word) => (typeof word === 'number' ? String(word) : word))),
    wordCount: words.length,
    changed: flatten(computation.changed.map(({ name }) => name)),
    compiled: scripts.takeCompiled(automationId),
    compiledLibraries: uncompiled.flatMap(({ id, chunk: { bytecode } }) =>
      bytecode ? { id, bytecode } : [],
    ),
  }
}

/** A commit checks the guards itself. */
function besidesOf(snapshot: ExtensibleSnapshot, commits: boolean): Uint8Array {
  const { needs, keys, isOneMoment } = snapshot
  const guards = commits || isOneMoment ? null : Array.from(keys.values(), ({ guard }) => guard)
  return flatten([packNeeds(needs), guards])
}

/** In memory that can be handed over: Buffer.concat takes small ones from a pool. */
const ownBytes = (bytes: Buffer): Uint8Array => {
  const own = new Uint8Array(new ArrayBuffer(bytes.length))
  own.set(bytes)
  return own
}

function answer(message: ComputeMessage): AnswerMessage {
  reported = []
  out.clear()
  reads.begin()
  const { id, automationId, complete } = message
  let snapshot: ExtensibleSnapshot | undefined
  try {
    const [packedNeeds, ...parts] = unflatten(message.flat)
    const [reply] = unflatten(...message.reply)
    const readNow = (needs: readonly Need[]): readonly BackingReply[] => reads.read(id, needs)
    const needs = unpackNeeds(packedNeeds!)
    const automation = automations.get(automationId)
    snapshot = new ExtensibleSnapshot(automation, needs, reply as never[], complete, readNow)
    return compute(message, snapshot, parts)
  } catch (error) {
    if (snapshot === undefined || !(error instanceof NotLoaded))
      return { id, type: 'failed', reported, error: packError(error as Error) }
    const { needs } = error
    const missing = typeof needs === 'string' ? [] : needs
    return {
      id,
      type: 'needs',
      reported,
      flat: flatten([packNeeds(snapshot.needsWith(missing))]),
      allNames: needs === 'all-names',
      outside: needs === 'listeners' || needs === 'info' ? needs : undefined,
    }
  }
}

function partsOf(message: AnswerMessage): Uint8Array[] {
  if (message.type === 'failed') return []
  if (message.type === 'needs') return [message.flat]
  const { replies, words, changed, besides } = message
  return [replies, words, changed, ...(besides === undefined ? [] : [besides])]
}

parentPort!.on('message', (message: ComputeMessage) => {
  const answered = answer(message)
  parentPort!.postMessage(answered, memoryOf(partsOf(answered)))
})
