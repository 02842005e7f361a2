import type { MessagePort } from 'node:worker_threads'
import type { Identity } from '../auth/identity.ts'
import type { RootKey } from '../automation/keyring.ts'
import type { UsedBy } from '../commands/scripting/script-usage.ts'
import type { Watched } from '../engine/plaintext/database.ts'
import { type Extent, isFields, type Need } from '../engine/plaintext/extent.ts'
import type { OutsideNeed } from '../engine/plaintext/not-loaded.ts'
import { ERRORS, type ErrorCode, KvError } from '../errors/errors.ts'
import type { LuaScript } from '../lua-vm/script.ts'
import type { Protocol } from '../protocol/encode.ts'
import type { Flat } from '../protocol/flat.ts'
import type { DecodedReply } from '../protocol/reply-decoder.ts'
import type { SharedBoard } from './run-board.ts'

/** What a thread is started with. */
export interface ThreadSettings {
  readonly roots: readonly RootKey[]
  readonly maxKeyLength: number
  readonly maxKeysPerCommand: number
  readonly maxValueSize: number
  readonly scripts: { readonly timeLimitMs: number; readonly memoryLimitBytes: number }
}

/** How a thread gets keys while it waits: it sleeps on `signal`, and finds the answer at `port`. */
export interface ReadChannel {
  readonly port: MessagePort
  /** One integer, which changes with each answer. */
  readonly signal: Int32Array
}

export interface ThreadData extends ThreadSettings {
  readonly reads: ReadChannel
  readonly board: SharedBoard
}

/** A job without its bytes, which lie in `flat` beside those of the others. */
export type SentJob = SentCommands | { readonly type: 'document'; readonly name: string }

export interface SentCommands {
  readonly type: 'commands'
  readonly identity: Identity
  readonly protocol: Protocol
  readonly isTransaction: boolean
  readonly isTraced: boolean
  /** What was seen of each watched key; their names are in `flat`. */
  readonly watched: readonly Watched[]
}

export interface ComputeMessage {
  readonly id: number
  readonly automationId: string
  readonly complete: boolean
  readonly streamCounters: boolean
  /** See OutsideOfBatch. */
  readonly outside: Uint8Array
  /** See SentLibraries. */
  readonly libraries: Uint8Array | undefined
  readonly jobs: readonly SentJob[]
  /** The scripts that the automation's process knows, as far as the jobs may run them. */
  readonly scripts: readonly LuaScript[]
  /** Needs, and for each job its commands and the names of its watched keys, or its arguments. */
  readonly flat: Uint8Array
  /** What snapshot.lua answered, in pieces. */
  readonly reply: readonly Uint8Array[]
}

/** An error on its way between threads. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly detail: KvError['detail']
  readonly cause: unknown
}

export interface SentOutcome {
  readonly error: SentError | undefined
  readonly requests: number
  readonly created: number
  /** What its scripts called, when it is traced. */
  readonly calls?: Uint8Array | undefined
  /** The result of a document job. */
  readonly value?: unknown
  /** A list: the replies of a transaction; undefined: a watched key was touched. */
  readonly isList: boolean
  /** How many bytes each of its replies takes in `replies`. */
  readonly lengths: readonly number[] | undefined
  /** Without waits. */
  readonly ms: number
  /** How often it waited for keys that it did not name. */
  readonly waits: number
  /** What its scripts looked at. */
  readonly used: readonly UsedBy[]
}

/** A thread waits for keys. */
export interface ReadMessage {
  readonly type: 'read'
  /** That of the ComputeMessage. */
  readonly id: number
  /** Of this thread, counted from 1. */
  readonly request: number
  /** How long it has computed for the message, without waits. */
  readonly computedMs: number
  /** The needs. */
  readonly flat: Uint8Array
}

export interface ReadAnswer {
  readonly request: number
  /** What snapshot.lua answered; undefined: the computation is to end, and to run again with these keys. */
  readonly reply: readonly Uint8Array[] | undefined
  readonly error: SentError | undefined
}

export type AnswerMessage = { readonly id: number; readonly reported: readonly SentError[] } & (
  | { readonly type: 'failed'; readonly error: SentError }
  /** `flat`: the needs; `outside`: what beside the keys. */
  | {
      readonly type: 'needs'
      readonly flat: Uint8Array
      readonly allNames: boolean
      readonly outside: OutsideNeed | undefined
    }
  | {
      readonly type: 'computed'
      readonly outcomes: readonly SentOutcome[]
      readonly requests: number
      readonly mustCommit: boolean
      /** When keys were read meanwhile: all needs, and the guards or nothing. */
      readonly besides: Uint8Array | undefined
      /** The replies of all jobs, encoded for their connections. */
      readonly replies: Uint8Array
      /** Bulk strings for commit.lua, and how many. */
      readonly words: Uint8Array
      readonly wordCount: number
      /** The names of the keys that changed. */
      readonly changed: Uint8Array
      /** Scripts that were compiled now. */
      readonly compiled: readonly LuaScript[]
      readonly compiledLibraries: ReadonlyArray<{ readonly id: string; readonly bytecode: Uint8Array }>
    }
)

/** What is handed over with bytes that have memory of their own. */
export const memoryOf = (parts: readonly Uint8Array[]): ArrayBuffer[] =>
  parts.map(({ buffer }) => buffer as ArrayBuffer)

export const packError = (error: Error): SentError => ({
  name: error.name,
  message: error.message,
  stack: error.stack,
  code: error instanceof KvError ? error.code : undefined,
  detail: error instanceof KvError ? error.detail : undefined,
  cause: error.cause,
})

export function unpackError({ name, message, stack, code, detail, cause }: SentError): Error {
  if (code !== undefined && code in ERRORS) {
    const error = KvError.restore({ code: code as ErrorCode, message, detail })
    error.cause = cause
    return error
  }
  const error = new Error(message)
  error.name = name
  if (stack !== undefined) error.stack = stack
  return error
}

const KINDS = ['all', 'meta', 'ends', 'tail', 'long-ends'] as const
const PARTS = ['hash', 'zset'] as const

export const packNeeds = (needs: readonly Need[]): Flat =>
  needs.map(({ name, extent }) => [
    name,
    typeof extent === 'string' ? KINDS.indexOf(extent) : packNames(extent),
  ])

/** Fields as they are; a part as a number and its names. */
const packNames = (extent: Exclude<Extent, string>): Flat =>
  isFields(extent) ? extent : [PARTS.indexOf(extent.of), extent.names]

function unpackNames(packed: Buffer[] | [number, Buffer[]]): Extent {
  const [of, names] = packed
  return typeof of === 'number' ? { of: PARTS[of]!, names: names as Buffer[] } : (packed as Buffer[])
}

export const unpackNeeds = (packed: DecodedReply): Need[] =>
  (packed as [Buffer, number | Buffer[] | [number, Buffer[]]][]).map(([name, extent]) => ({
    name,
    extent: typeof extent === 'number' ? KINDS[extent]! : unpackNames(extent),
  }))
