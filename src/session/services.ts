import type { Identity } from '../auth/identity.ts'
import type { Automation } from '../automation/automation.ts'
import type { FunctionLibrary } from '../engine/libraries/library.ts'
import type { KnownFunction } from '../engine/libraries/library-state.ts'
import type { Database } from '../engine/plaintext/database.ts'
import type { Need } from '../engine/plaintext/extent.ts'
import type { InfoSections } from '../engine/plaintext/snapshot.ts'
import type { Store } from '../engine/store.ts'
import { KvError } from '../errors/errors.ts'
import type { Reply } from '../reply/reply.ts'

/** One run of a script or function, inside the computation that `db` belongs to. */
export interface RunRequest {
  readonly db: Database
  readonly identity: Identity
  readonly automation: Automation
  readonly services: RunServices
  readonly keys: readonly Buffer[]
  readonly args: readonly Buffer[]
  /** EVAL_RO and its like: commands that write are refused. */
  readonly readOnly: boolean
}

export interface ScriptRequest extends RunRequest {
  /** Its source, or the SHA1 (40 characters) of one that is known. */
  readonly script: { readonly source: Buffer } | { readonly sha1: Buffer }
}

export interface FunctionRequest extends RunRequest {
  readonly called: KnownFunction
}

/** By what a command names what it runs. */
export type GivenScript = 'source' | 'sha1' | 'function'

export type RunKind = 'script' | 'function'

/** What runs for an automation at this moment. */
export interface RunningScript {
  readonly kind: RunKind
  readonly name: string
  readonly command: readonly Buffer[]
  readonly ms: number
}

/** The scripts and functions that run on other threads of this process. */
export interface RunningScripts {
  running(automationId: string): RunningScript | undefined
  /**
   * Ends what runs. Throws `script_not_running`; `script_runs` or `function_runs` when it is of the other
   * kind.
   */
  kill(automationId: string, kind: RunKind): void
}

/** Without other threads nobody can ask while one runs. */
export const NO_OTHER_THREAD: RunningScripts = {
  running: () => undefined,
  kill: () => {
    throw new KvError('script_not_running')
  },
}

/** Runs the scripts of all automations, each with its own cache and its own account of time. */
export interface ScriptRunner {
  /** Throws Redis's errors for scripts, and those of the script. */
  run(request: ScriptRequest): Reply
  /** The same for a function. Throws also `library_register`, of a library that is no longer as it was. */
  call(request: FunctionRequest): Reply
  /**
   * Runs the code of a library for the functions that it registers. `named` is told its name before that, and
   * may throw. Throws Redis's errors for libraries.
   */
  register(automationId: string, code: Buffer, named: (name: string) => void): FunctionLibrary
  /** Compiles and keeps a script; answers its SHA1. */
  load(automationId: string, source: Buffer): string
  knows(automationId: string, sha1: string): boolean
  /** It was quick when it was last run: not worth another thread. */
  isFast(automationId: string, given: GivenScript, script: Buffer): boolean
  flush(automationId: string): void
  /** What it looked at when it was last run, and so may again; undefined when that is not known. */
  needs(
    automationId: string,
    given: GivenScript,
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
