import { KvError, respText } from '../errors/errors.ts'
import { ErrorReply, type Reply } from '../reply/reply.ts'
import { oneLine, ReplyReader } from './conversion/from-lua.ts'
import { ReplyPusher } from './conversion/to-lua.ts'
import { bitLibrary } from './libraries/bit.ts'
import { cjsonLibrary } from './libraries/cjson.ts'
import { jsonDefaults } from './libraries/cjson-options.ts'
import { cmsgpackLibrary } from './libraries/cmsgpack.ts'
import { mathLibrary, Random } from './libraries/math.ts'
import { type RunState, redisLibrary, type ScriptHost } from './libraries/redis-library.ts'
import { structLibrary } from './libraries/struct.ts'
import { guardsOf } from './machine/guards.ts'
import { type LuaState, LuaType, STATUS_OK } from './machine/lua-api.ts'
import { LuaMachine, type NativeFunction, ScriptKilled } from './machine/machine.ts'
import { WatchdogTimeout, watched } from './machine/watchdog.ts'
import type { LuaScript } from './script.ts'

export type { ScriptHost } from './libraries/redis-library.ts'

export interface ScriptLimits {
  readonly timeLimitMs: number
  readonly memoryLimitBytes: number
}

export interface ScriptCall {
  readonly keys: readonly Buffer[]
  readonly args: readonly Buffer[]
  readonly host: ScriptHost
  /**
   * Runs the script, and takes back what it changed when that throws: it was ended then, or has to start
   * again.
   */
  readonly atomically: <T>(run: () => T) => T
}

/** The script came to a costly C function: it is started again, under the watchdog. */
class NeedsWatchdog extends Error {}

/** What the cooperative limit is given before the watchdog ends a script the hard way. */
const WATCHDOG_GRACE_MS = 50
const CHUNK_NAME = '@user_script'
const LUA_SIGNATURE = 0x1b
const MEMORY_ERROR = 4

/**
 * Runs scripts as Redis 7.0's EVAL does, one at a time, synchronously. All of them share one machine, which
 * is as new after each: see LuaMachine. Time counts from the start and holds for everything, the commands
 * too; a script over it is ended, and throws.
 */
export class ScriptEngine {
  private machine: Equipped | undefined

  /** Throws Redis's error for a source that is no Lua. */
  compile(script: LuaScript, limits: ScriptLimits): void {
    if (script.bytecode !== undefined) return
    if (script.body[0] === LUA_SIGNATURE)
      throw compileError("user_script:1: unexpected symbol near 'char(27)'")
    this.guarded(script, limits, (machine) => machine.compile(script))
  }

  /** Runs a compiled script; its own errors are replies. Throws KvError when it was ended. */
  run(script: LuaScript, call: ScriptCall, limits: ScriptLimits): Reply {
    return this.guarded(script, limits, (machine) => machine.run(script, call), call.atomically)
  }

  private guarded<T>(
    script: LuaScript,
    { timeLimitMs, memoryLimitBytes }: ScriptLimits,
    work: (machine: Equipped) => T,
    atomically: <R>(run: () => R) => R = (run) => run(),
  ): T {
    const deadline = performance.now() + timeLimitMs
    const attempt = (underWatchdog: boolean): T => {
      this.machine ??= new Equipped(memoryLimitBytes)
      return this.machine.attempt({ deadline, memoryBytes: memoryLimitBytes }, underWatchdog, work)
    }
    const clean = (): void => {
      if (this.machine?.reset() === false) this.machine = undefined
    }
    try {
      return atomically(() => attempt(false))
    } catch (error) {
      if (!(error instanceof NeedsWatchdog)) throw this.outcomeOf(error, script)
      clean()
      try {
        return atomically(() =>
          watched(deadline - performance.now() + WATCHDOG_GRACE_MS, () => attempt(true)),
        )
      } catch (failure) {
        throw this.outcomeOf(failure, script)
      }
    } finally {
      clean()
    }
  }

  private outcomeOf(error: unknown, script: LuaScript): unknown {
    if (error instanceof WatchdogTimeout) return killed(script, 'time')
    if (error instanceof ScriptKilled) return killed(script, error.reason)
    // V8's own limit for nested calls, met by coroutines within coroutines or by a pattern of thousands of
    // items.
    if (error instanceof RangeError && /call stack/.test(error.message)) return killed(script, 'stack')
    if (isTrap(error)) {
      this.machine = undefined
      return killed(script, 'memory')
    }
    return error
  }
}

const KILLED: Readonly<Record<ScriptKilled['reason'], string>> = {
  time: 'it ran longer than AUTOMATION_KV_SCRIPT_TIME_LIMIT_MS allows',
  memory: 'it needs more memory than AUTOMATION_KV_SCRIPT_MEMORY_LIMIT allows',
  stack: 'its calls are nested too deeply',
}

const killed = ({ sha1 }: LuaScript, reason: ScriptKilled['reason']) =>
  new KvError('script_killed', { sha1, reason: KILLED[reason] })

const compileError = (message: string) => new KvError('script_compile', { message })

const isTrap = (error: unknown): boolean => error instanceof Error && error.name === 'RuntimeError'

/** A machine with Redis's libraries. */
class Equipped {
  private readonly machine: LuaMachine
  private readonly reader: ReplyReader
  private readonly state: RunState = { host: undefined, protocol: 2 }
  private readonly json = jsonDefaults()
  private readonly random = new Random()
  private readonly names: { readonly keys: number; readonly argv: number; readonly chunk: number }
  private underWatchdog = false

  constructor(memoryBytes: number) {
    let reader: ReplyReader | undefined
    let names: Equipped['names'] | undefined
    this.machine = new LuaMachine(
      {
        libraries: (machine) => {
          reader = new ReplyReader(machine)
          names = {
            keys: machine.text.name('KEYS'),
            argv: machine.text.name('ARGV'),
            chunk: machine.text.name(CHUNK_NAME),
          }
          return {
            redis: redisLibrary(machine, new ReplyPusher(machine), this.state),
            cjson: cjsonLibrary(machine, this.json),
            cmsgpack: cmsgpackLibrary(machine),
            struct: structLibrary(machine),
            bit: bitLibrary(machine),
            math: mathLibrary(machine, this.random),
          }
        },
        guards: (machine) => guardsOf(machine, (L, stock) => this.runSlow(L, stock)),
      },
      memoryBytes,
    )
    this.reader = reader!
    this.names = names!
  }

  attempt<T>(
    limits: { deadline: number; memoryBytes: number },
    underWatchdog: boolean,
    work: (machine: this) => T,
  ): T {
    this.underWatchdog = underWatchdog
    this.machine.limit(limits)
    this.random.seed(Math.floor(Math.random() * 2 ** 32))
    return work(this)
  }

  /** False when the machine cannot be used again. */
  reset(): boolean {
    Object.assign(this.json, jsonDefaults())
    this.state.host = undefined
    this.state.protocol = 2
    return this.machine.reset()
  }

  compile(script: LuaScript): void {
    let message: string | undefined
    this.protect((L) => {
      if (this.load(L, script.body) === STATUS_OK) script.bytecode = this.machine.dump(L)
      else message = oneLine(this.machine.text.read(L, -1))
    })
    if (message !== undefined) throw compileError(message)
  }

  run(script: LuaScript, { keys, args, host }: ScriptCall): Reply {
    this.state.host = host
    let reply: Reply = null
    this.protect((L) => {
      const { machine, names } = this
      machine.pushErrorHandler(L)
      this.load(L, script.bytecode!)
      machine.pushGlobals(L)
      this.pushStrings(L, keys)
      machine.api.lua_setfield(L, -2, names.keys)
      this.pushStrings(L, args)
      machine.api.lua_setfield(L, -2, names.argv)
      machine.api.lua_settop(L, -2)
      const status = machine.api.lua_pcall(L, 0, 1, -2)
      reply =
        status === STATUS_OK ? this.reader.read(L, this.state.protocol) : this.errorOf(L, script, status)
    })
    return reply
  }

  private protect(work: (L: LuaState) => void): void {
    const fine = this.machine.protect((L) => {
      work(L)
      return 0
    })
    if (!fine) throw new ScriptKilled('memory')
  }

  /** Pushes the function, or the message why there is none. */
  private load(L: LuaState, chunk: Buffer): number {
    const { machine, names } = this
    const at = machine.reserveIn(L, chunk.length + 1)
    machine.heap.bytes.set(chunk, at)
    const status = machine.api.luaL_loadbuffer(L, at, chunk.length, names.chunk)
    machine.release(at, chunk.length + 1)
    if (status === MEMORY_ERROR) throw new ScriptKilled('memory')
    return status
  }

  private pushStrings(L: LuaState, strings: readonly Buffer[]): void {
    const { api, text } = this.machine
    api.lua_createtable(L, strings.length, 0)
    for (let i = 0; i < strings.length; i++) {
      text.push(L, strings[i]!)
      api.lua_rawseti(L, -2, i + 1)
    }
  }

  /**
   * The reply for an error that the script did not catch: the table that the error handler made of it, or a
   * bare message of Lua's.
   */
  private errorOf(L: LuaState, { sha1 }: LuaScript, status: number): ErrorReply {
    const { api, text } = this.machine
    if (status === MEMORY_ERROR || api.lua_type(L, -1) !== LuaType.TABLE) {
      const message =
        api.lua_type(L, -1) === LuaType.STRING
          ? oneLine(text.read(L, -1).subarray(0, 100))
          : 'execution failure'
      return new ErrorReply(respText('script_failed', { sha1, message }))
    }
    const message = this.fieldOf(L, 'err') ?? respText('script_error_object')
    const source = this.fieldOf(L, 'source')
    const line = this.fieldOf(L, 'line')
    return new ErrorReply(
      source === undefined || line === undefined
        ? message
        : `${message} script: ${sha1}, on ${source}:${line}.`,
    )
  }

  private fieldOf(L: LuaState, name: string): string | undefined {
    const { api, text } = this.machine
    text.pushLatin1(L, name)
    api.lua_rawget(L, -2)
    const type = api.lua_type(L, -1)
    const value = type === LuaType.STRING || type === LuaType.NUMBER ? oneLine(text.read(L, -1)) : undefined
    api.lua_settop(L, -2)
    return value
  }

  private runSlow(L: LuaState, stock: NativeFunction): number {
    if (!this.underWatchdog) throw new NeedsWatchdog()
    return stock(L)
  }
}
