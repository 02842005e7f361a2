import type { Identity } from '../auth/identity.ts'
import type { Automation } from '../automation/automation.ts'
import type { Database } from '../engine/plaintext/database.ts'
import type { Need } from '../engine/plaintext/extent.ts'
import type { InfoSections } from '../engine/plaintext/snapshot.ts'
import type { Store } from '../engine/store.ts'
import type { Reply } from '../reply/reply.ts'

/** One run of a script, inside the computation that `db` belongs to. */
export interface ScriptRequest {
  readonly db: Database
  readonly identity: Identity
  readonly automation: Automation
  readonly services: RunServices
  /** Its source, or the SHA1 (40 characters) of one that is known. */
  readonly script: { readonly source: Buffer } | { readonly sha1: Buffer }
  readonly keys: readonly Buffer[]
  readonly args: readonly Buffer[]
  /** EVAL_RO and EVALSHA_RO: commands that write are refused. */
  readonly readOnly: boolean
}

/** Runs the scripts of all automations, each with its own cache and its own account of time. */
export interface ScriptRunner {
  /** Throws Redis's errors for scripts, and those of the script. */
  run(request: ScriptRequest): Reply
  /** Compiles and keeps a script; answers its SHA1. */
  load(automationId: string, source: Buffer): string
  knows(automationId: string, sha1: string): boolean
  /** It was quick when it was last run: not worth another thread. */
  isFast(automationId: string, given: 'source' | 'sha1', script: Buffer): boolean
  flush(automationId: string): void
  /** What it looked at when it was last run, and so may again; undefined when that is not known. */
  needs(
    automationId: string,
    given: 'source' | 'sha1',
    script: Buffer,
    keys: readonly Buffer[],
    args: readonly Buffer[],
  ): readonly Need[] | undefined
}

/** What a computed command works with, on whatever thread. */
export interface RunServices {
  readonly scripts: ScriptRunner
  /**
   * Takes errors that an operator should see: faults of ours, and what the error table says is worth a log
   * line.
   */
  readonly report: (error: Error) => void
}

/** What commands work with, besides their caller. */
export interface Services extends RunServices {
  readonly store: Store
  /** What INFO tells a script. Rejects with `unavailable`. */
  readonly info: (automation: Automation) => Promise<InfoSections>
}
