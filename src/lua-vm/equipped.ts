import { KvError, respText } from '../errors/errors.ts'
import { ErrorReply, type Reply } from '../reply/reply.ts'
import { oneLine, ReplyReader } from './conversion/from-lua.ts'
import { ReplyPusher } from './conversion/to-lua.ts'
import { bitLibrary } from './libraries/bit.ts'
import { cjsonLibrary } from './libraries/cjson.ts'
import { jsonDefaults } from './libraries/cjson-options.ts'
import { cmsgpackLibrary } from './libraries/cmsgpack.ts'
import type { Chunk, LuaFunction } from './libraries/function-library.ts'
import { FunctionRegistry } from './libraries/function-registry.ts'
import { mathLibrary, Random } from './libraries/math.ts'
import { type RunState, redisLibrary, type ScriptHost } from './libraries/redis-library.ts'
import { structLibrary } from './libraries/struct.ts'
import { guardsOf } from './machine/guards.ts'
import { type LuaState, LuaType, STATUS_OK } from './machine/lua-api.ts'
import { type Limits, LuaMachine, type NativeFunction, ScriptKilled } from './machine/machine.ts'
import type { LuaScript } from './script.ts'

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

/** Which name the errors of a chunk have for it. */
export type ChunkKind = 'script' | 'library'

/** The script came to a costly C function: it is started again, under the watchdog. */
export class NeedsWatchdog extends Error {}

const MEMORY_ERROR = 4

export const compileError = (kind: ChunkKind, message: string): KvError =>
  new KvError(kind === 'script' ? 'script_compile' : 'library_compile', { message })

/** A machine with Redis's libraries. */
export class Equipped {
  private readonly machine: LuaMachine
  private readonly reader: ReplyReader
  private readonly functions: FunctionRegistry
  private readonly state: RunState = { host: undefined, protocol: 2 }
  private readonly json = jsonDefaults()
  private readonly random = new Random()
  private readonly names: {
    readonly keys: number
    readonly argv: number
    readonly script: number
    readonly library: number
  }
  private underWatchdog = false

  constructor(memoryBytes: number) {
    let reader: ReplyReader | undefined
    let names: Equipped['names'] | undefined
    let functions: FunctionRegistry | undefined
    this.machine = new LuaMachine(
      {
        libraries: (machine) => {
          reader = new ReplyReader(machine)
          names = {
            keys: machine.text.name('KEYS'),
            argv: machine.text.name('ARGV'),
            script: machine.text.name('@user_script'),
            library: machine.text.name('@user_function'),
          }
          const pusher = new ReplyPusher(machine)
          functions = new FunctionRegistry(machine, pusher)
          return {
            redis: redisLibrary(machine, pusher, this.state, functions.register),
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
    this.functions = functions!
  }

  attempt<T>(limits: Limits, underWatchdog: boolean, work: (machine: this) => T): T {
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
    this.functions.reset()
    return this.machine.reset()
  }

  compile(chunk: Chunk, kind: ChunkKind): void {
    let message: string | undefined
    this.protect((L) => {
      if (this.load(L, chunk.body, kind) === STATUS_OK) chunk.bytecode = this.machine.dump(L)
      else message = oneLine(this.machine.text.read(L, -1))
    })
    if (message !== undefined) throw compileError(kind, message)
  }

  run(script: LuaScript, { keys, args, host }: ScriptCall): Reply {
    this.state.host = host
    let reply: Reply = null
    this.protect((L) => {
      const { machine, names } = this
      machine.pushErrorHandler(L)
      this.load(L, script.bytecode!, 'script')
      machine.pushGlobals(L)
      this.pushStrings(L, keys)
      machine.api.lua_setfield(L, -2, names.keys)
      this.pushStrings(L, args)
      machine.api.lua_setfield(L, -2, names.argv)
      machine.api.lua_settop(L, -2)
      const status = machine.api.lua_pcall(L, 0, 1, -2)
      reply = this.outcome(L, script.sha1, status)
    })
    return reply
  }

  /** What the library's locals are, it makes anew each time. */
  call(library: Chunk, name: string, { keys, args, host }: ScriptCall): Reply {
    let reply: Reply = null
    this.protect((L) => {
      const { machine, functions } = this
      this.loadLibrary(L, library)
      this.state.host = host
      machine.pushErrorHandler(L)
      if (!functions.push(L, name)) throw new KvError('function_not_found')
      this.pushStrings(L, keys)
      this.pushStrings(L, args)
      const status = machine.api.lua_pcall(L, 2, 1, -4)
      reply = this.outcome(L, name, status)
    })
    return reply
  }

  register(library: Chunk): readonly LuaFunction[] {
    let registered: readonly LuaFunction[] = []
    this.protect((L) => {
      registered = this.loadLibrary(L, library)
    })
    return registered
  }

  /** Throws `library_register`. */
  private loadLibrary(L: LuaState, library: Chunk): readonly LuaFunction[] {
    const { machine, functions } = this
    machine.pushErrorHandler(L)
    this.load(L, library.bytecode!, 'library')
    functions.begin(L)
    const status = machine.api.lua_pcall(L, 0, 0, -2)
    if (status === MEMORY_ERROR) throw new ScriptKilled('memory')
    if (status !== STATUS_OK) throw new KvError('library_register', { message: this.messageOf(L) })
    machine.api.lua_settop(L, -2)
    return functions.end(L)
  }

  private protect(work: (L: LuaState) => void): void {
    const fine = this.machine.protect((L) => {
      work(L)
      return 0
    })
    if (!fine) throw new ScriptKilled('memory')
  }

  /** Pushes the function, or the message why there is none. */
  private load(L: LuaState, chunk: Buffer, kind: ChunkKind): number {
    const { machine, names } = this
    const at = machine.reserveIn(L, chunk.length + 1)
    machine.heap.bytes.set(chunk, at)
    const status = machine.api.luaL_loadbuffer(L, at, chunk.length, names[kind])
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

  private outcome(L: LuaState, name: string, status: number): Reply {
    return status === STATUS_OK ? this.reader.read(L, this.state.protocol) : this.errorOf(L, name, status)
  }

  /**
   * The reply for an error that the script did not catch: the table that the error handler made of it, or a
   * bare message of Lua's.
   */
  private errorOf(L: LuaState, name: string, status: number): ErrorReply {
    const { api, text } = this.machine
    if (status === MEMORY_ERROR || api.lua_type(L, -1) !== LuaType.TABLE) {
      const message =
        api.lua_type(L, -1) === LuaType.STRING
          ? oneLine(text.read(L, -1).subarray(0, 100))
          : 'execution failure'
      return new ErrorReply(respText('script_failed', { sha1: name, message }))
    }
    const message = this.messageOf(L)
    const source = this.fieldOf(L, 'source')
    const line = this.fieldOf(L, 'line')
    return new ErrorReply(
      source === undefined || line === undefined
        ? message
        : `${message} script: ${name}, on ${source}:${line}.`,
    )
  }

  /** The text of the error on top of the stack. */
  private messageOf(L: LuaState): string {
    const { api, text } = this.machine
    if (api.lua_type(L, -1) === LuaType.TABLE)
      return this.fieldOf(L, 'err') ?? respText('script_error_object')
    return api.lua_type(L, -1) === LuaType.STRING ? oneLine(text.read(L, -1)) : 'execution failure'
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
