import type { Identity } from '../../auth/identity.ts'
import type { Automation } from '../../automation/automation.ts'
import type { BackingReply } from '../../backing/backing.ts'
import type { EncodedWords } from '../../backing/wire.ts'
import type { Protocol } from '../../protocol/encode.ts'
import type { SentLibraries } from '../libraries/batch-libraries.ts'
import type { Watched } from '../plaintext/database.ts'
import type { Need } from '../plaintext/extent.ts'
import type { OutsideNeed } from '../plaintext/not-loaded.ts'
import type { ComputedJob } from './computation.ts'

interface CanBeHeavy {
  /** It goes to another thread also when its keys are small. */
  isHeavy: boolean
  /** It turned out to take long. */
  readonly reconsider: () => void
}

/** A job in a form that another thread can run: a name with its arguments instead of a function. */
export type RemoteJob = RemoteCommands | RemoteDocumentJob

/** What REST asks for; its result is plain data. */
export interface RemoteDocumentJob extends CanBeHeavy {
  readonly type: 'document'
  readonly name: string
  readonly args: readonly Buffer[]
}

export interface RemoteCommands extends CanBeHeavy {
  readonly type: 'commands'
  readonly identity: Identity
  /** Replies come back as bytes of this protocol. */
  readonly protocol: Protocol
  /** What its scripts call is told. */
  readonly isTraced: boolean
  /** A transaction answers a list; `watched` keys that were touched end it. */
  readonly isTransaction: boolean
  /** `undefined`: a command on the connection, which is not run here. */
  readonly commands: ReadonlyArray<readonly Buffer[] | undefined>
  readonly watched: ReadonlyArray<{ readonly name: Buffer; readonly seen: Watched }>
}

export interface RemoteRequest {
  readonly automation: Automation
  readonly needs: readonly Need[]
  /** What snapshot.lua answered. */
  readonly reply: readonly BackingReply[]
  /** All keys of the automation are among them. */
  readonly complete: boolean
  readonly streamCounters: boolean
  /** See OutsideOfBatch. */
  readonly outside: Buffer
  readonly libraries: SentLibraries | undefined
  readonly jobs: readonly RemoteJob[]
  /** Reads keys that a job turns out to look at, while it waits there. */
  readonly read: ReadMore
}

/** Calls `done` once, with what snapshot.lua answered; an error is that of the job which waits. */
export type ReadMore = (
  needs: readonly Need[],
  done: (error: Error | null, reply?: readonly BackingReply[]) => void,
) => void

/** What was read while jobs ran, so at other moments than the rest. */
export interface ReadBesides {
  /** All that was read of each key, from the beginning; the words of the commit count keys by this. */
  readonly needs: readonly Need[]
  /** The guards of these keys, where nothing else would show whether they were so at one moment. */
  readonly guards: readonly Buffer[] | undefined
}

export type RemoteAnswer =
  /** It looks further: to be done again with these. */
  | {
      readonly needs: readonly Need[]
      readonly allNames: boolean
      readonly outside: OutsideNeed | undefined
    }
  | {
      readonly besides: ReadBesides | undefined
      /** As many as there was time for; at least one. Results are EncodedReply, or lists of them. */
      readonly outcomes: readonly ComputedJob[]
      readonly requests: number
      readonly mustCommit: boolean
      /** Names of the keys that changed. */
      readonly changed: readonly Buffer[]
      readonly words: EncodedWords
    }

/** Computes jobs on another thread, so that this one goes on serving sockets. */
export interface RemoteCompute {
  /** Calls `done` once. An error concerns all jobs of the request. */
  compute(request: RemoteRequest, done: (error: Error | null, answer?: RemoteAnswer) => void): void
}

/** From here on what was read of the keys is opened and computed elsewhere. */
const HEAVY_BYTES = 64 * 1024
const HEAVY_ELEMENTS = 1_000

/** Stops counting when it is heavy. */
class Weight {
  private bytes = 0
  private elements = 0

  get isHeavy(): boolean {
    return this.bytes > HEAVY_BYTES || this.elements > HEAVY_ELEMENTS
  }

  add(reply: BackingReply): void {
    this.elements++
    if (reply instanceof Buffer) this.bytes += reply.length
    else if (Array.isArray(reply)) {
      for (const item of reply) {
        if (this.isHeavy) return
        this.add(item)
      }
    }
  }
}

export const isHeavy = (
  { remote }: { readonly remote: RemoteCompute | undefined },
  job: RemoteJob | undefined,
): boolean => remote !== undefined && job?.isHeavy === true

interface RemoteCandidate {
  readonly remote?: RemoteJob | undefined
  readonly ifVersion?: number | undefined
  readonly idempotency?: unknown
}

/** Undefined when one cannot be computed elsewhere, or is not worth it; one that `looksFurther` always is. */
export function remoteJobsOf(
  batch: ReadonlyArray<{ readonly job: RemoteCandidate }>,
  reply: readonly BackingReply[],
  looksFurther: boolean,
): readonly RemoteJob[] | undefined {
  const jobs: RemoteJob[] = []
  for (const { job } of batch) {
    if (job.remote === undefined || job.ifVersion !== undefined || job.idempotency !== undefined)
      return undefined
    jobs.push(job.remote)
  }
  if (looksFurther || jobs.some((job) => job.isHeavy)) return jobs
  const weight = new Weight()
  for (const part of reply) weight.add(part)
  return weight.isHeavy ? jobs : undefined
}
