import { KvError, respText } from '../errors/errors.ts'
import type { Reply } from '../reply/reply.ts'
import { type ChunkKind, compileError, Equipped, NeedsWatchdog, type ScriptCall } from './equipped.ts'
import type { Chunk, LuaFunction } from './libraries/function-library.ts'
import { type Limits, ScriptKilled } from './machine/machine.ts'
import { WatchdogTimeout, watched } from './machine/watchdog.ts'
import type { LuaScript } from './script.ts'

export type { ScriptCall } from './equipped.ts'
export type { ScriptHost } from './libraries/redis-library.ts'

export interface ScriptLimits {
  readonly timeLimitMs: number
  readonly memoryLimitBytes: number
  /** How long scripts have waited for their data so far, which is no time of theirs. */
  readonly waitedMs?: () => number
  /** Whether the caller of the script that runs wants it to end. */
  readonly isKilled?: () => boolean
}

/** What runs: a script by its SHA1, or a function; or the code of a library registers its functions. */
interface Run {
  readonly name: string
  readonly isLoad?: true
}

/** What the cooperative limit is given before the watchdog ends a script the hard way. */
const WATCHDOG_GRACE_MS = 50
const LUA_SIGNATURE = 0x1b

/**
 * Runs scripts as Redis 7.0's EVAL does, one at a time, synchronously. All of them share one machine, which
 * is as new after each: see LuaMachine. Time counts from the start and holds for everything, the commands
 * too, but not while they wait; a script over it is ended, and throws.
 */
export class ScriptEngine {
  private machine: Equipped | undefined

  /** Throws Redis's error for a source that is no Lua. */
  compile(script: LuaScript, limits: ScriptLimits): void {
    this.compileChunk(script, script.sha1, 'script', limits)
  }

  compileLibrary(library: Chunk, name: string, limits: ScriptLimits): void {
    this.compileChunk(library, name, 'library', limits)
  }

  /** Runs a compiled script; its own errors are replies. Throws KvError when it was ended. */
  run(script: LuaScript, call: ScriptCall, limits: ScriptLimits): Reply {
    return this.guarded(
      { name: script.sha1 },
      limits,
      (machine) => machine.run(script, call),
      call.atomically,
    )
  }

  /** Loads a compiled library and calls a function of it; else as `run`. Throws also `function_not_found`. */
  call(library: Chunk, name: string, call: ScriptCall, limits: ScriptLimits): Reply {
    return this.guarded({ name }, limits, (machine) => machine.call(library, name, call), call.atomically)
  }

  /** Runs the code of a compiled library for what it registers. Throws `library_register`, or as `run`. */
  register(library: Chunk, name: string, limits: ScriptLimits): readonly LuaFunction[] {
    return this.guarded({ name, isLoad: true }, limits, (machine) => machine.register(library))
  }

  private compileChunk(chunk: Chunk, name: string, kind: ChunkKind, limits: ScriptLimits): void {
    if (chunk.bytecode !== undefined) return
    // Lua's undumper trusts what it reads. A library begins with the end of its first line.
    if (chunk.body[0] === LUA_SIGNATURE)
      throw compileError(kind, "user_script:1: unexpected symbol near 'char(27)'")
    this.guarded({ name }, limits, (machine) => machine.compile(chunk, kind))
  }

  private guarded<T>(
    run: Run,
    { timeLimitMs, memoryLimitBytes, waitedMs = () => 0, isKilled }: ScriptLimits,
    work: (machine: Equipped) => T,
    atomically: <R>(run: () => R) => R = (run) => run(),
  ): T {
    const now = (): number => performance.now() - waitedMs()
    const deadline = now() + timeLimitMs
    const limits: Limits = { deadline, memoryBytes: memoryLimitBytes, now, isKilled }
    const attempt = (underWatchdog: boolean): T => {
      this.machine ??= new Equipped(memoryLimitBytes)
      return this.machine.attempt(limits, underWatchdog, work)
    }
    const clean = (): void => {
      if (this.machine?.reset() === false) this.machine = undefined
    }
    try {
      return atomically(() => attempt(false))
    } catch (error) {
      if (!(error instanceof NeedsWatchdog)) throw this.outcomeOf(error, run)
      clean()
      try {
        return atomically(() => watched(deadline - now() + WATCHDOG_GRACE_MS, () => attempt(true)))
      } catch (failure) {
        throw this.outcomeOf(failure, run)
      }
    } finally {
      clean()
    }
  }

  private outcomeOf(error: unknown, run: Run): unknown {
    if (error instanceof WatchdogTimeout) return killed(run, 'time')
    if (error instanceof ScriptKilled)
      return error.reason === 'user' ? killedByUser(run.name, error.at) : killed(run, error.reason)
    // V8's own limit for nested calls, met by coroutines within coroutines or by a pattern of thousands of
    // items.
    if (error instanceof RangeError && /call stack/.test(error.message)) return killed(run, 'stack')
    if (isTrap(error)) {
      this.machine = undefined
      return killed(run, 'memory')
    }
    return error
  }
}

const KILLED: Readonly<Record<Exclude<ScriptKilled['reason'], 'user'>, string>> = {
  time: 'it ran longer than AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS allows',
  memory: 'it needs more memory than AUTOMATION_KV_SCRIPT_MEMORY_LIMIT allows',
  stack: 'its calls are nested too deeply',
}

const killed = ({ name, isLoad }: Run, reason: keyof typeof KILLED) =>
  isLoad === true && reason === 'time'
    ? new KvError('library_register', { message: respText('library_timeout') })
    : new KvError('script_killed', { sha1: name, reason: KILLED[reason] })

/** `at` is where it was (`user_script:1`), as far as that is known. */
export const killedByUser = (name: string, at?: string) =>
  new KvError('script_killed_by_user', {
    where: at === undefined ? `script: ${name}` : placed(name, `@${at}`),
  })

const placed = (name: string, at: string): string => `script: ${name}, on ${at}.`

const isTrap = (error: unknown): boolean => error instanceof Error && error.name === 'RuntimeError'
