import type { FunctionLibrary } from '../../engine/libraries/library.ts'
import { FEW_LATER_READS } from '../../engine/optimistic/later-reads.ts'
import { NeedsThread } from '../../engine/optimistic/needs-thread.ts'
import type { Need } from '../../engine/plaintext/extent.ts'
import { KvError } from '../../errors/errors.ts'
import type { Gate } from '../../gate/gate.ts'
import { type ScriptCall, ScriptEngine, type ScriptLimits } from '../../lua-vm/engine.ts'
import { type Chunk, readLibrary } from '../../lua-vm/libraries/function-library.ts'
import { type LuaScript, readScript, sha1Of } from '../../lua-vm/script.ts'
import type { CommandTable } from '../../registry/command-table.ts'
import type { Reply } from '../../reply/reply.ts'
import type {
  FunctionRequest,
  GivenScript,
  RunKind,
  RunRequest,
  ScriptRequest,
  ScriptRunner,
} from '../../session/services.ts'
import { ScriptCache } from './script-cache.ts'
import { ScriptCommands } from './script-commands.ts'
import { ScriptSpeeds } from './script-speeds.ts'
import { ScriptUses } from './script-usage.ts'
import { TimeBudget } from './time-budget.ts'

const SHA1_LENGTH = 40
/** A script may hold up sockets so long, in milliseconds. */
const QUICK_MS = 5
const LONGEST_QUICK = 64 * 1024
/** Redis's own limit for the code of a library that registers its functions. */
const REGISTER_MS = 500

/**
 * What else the thread does that scripts are run on: `everything`, so the time of each automation's slow
 * scripts is limited; `sockets`, so only quick scripts are run; nothing for a `thread` that runs the others.
 */
export type Where = 'everything' | 'sockets' | 'thread'

/** Told of what runs, so that its user can end it. */
export interface RunWatch {
  begins(kind: RunKind): void
  ends(): void
  isKilled(): boolean
}

interface Run {
  /** Under which its speed is kept: a SHA1, or the name of a function. */
  readonly id: string
  readonly kind: RunKind
  readonly run: (call: ScriptCall, limits: ScriptLimits) => Reply
}

/** Names may be long, and many of these are kept. */
const LONGEST_NAME = 64

function functionId(name: string): string {
  const id = name.toLowerCase()
  return `function ${id.length > LONGEST_NAME ? sha1Of(Buffer.from(id)) : id}`
}

/**
 * The scripts of all automations: compiled by one Lua machine, kept by automation, each run on its
 * automation's account of time.
 */
export class Scripts implements ScriptRunner {
  private readonly engine = new ScriptEngine()
  private readonly cache = new ScriptCache()
  private readonly budget: TimeBudget | undefined
  private readonly table: CommandTable
  private readonly gate: Gate
  private readonly limits: ScriptLimits
  private readonly where: Where
  private readonly speeds = new ScriptSpeeds()
  private readonly watch: RunWatch | undefined
  readonly uses: ScriptUses
  private newlyCompiled: LuaScript[] = []

  constructor(
    table: CommandTable,
    gate: Gate,
    limits: ScriptLimits,
    where: Where = 'everything',
    watch?: RunWatch,
  ) {
    this.table = table
    this.gate = gate
    this.limits = limits
    this.where = where
    this.watch = watch
    this.uses = new ScriptUses(where === 'thread')
    this.budget = where === 'everything' ? new TimeBudget() : undefined
  }

  run(request: ScriptRequest): Reply {
    const { script: wanted, automation, readOnly } = request
    const script =
      'source' in wanted
        ? this.compiled(automation.id, wanted.source)
        : this.loaded(automation.id, wanted.sha1)
    if (readOnly && script.declaresFlags && !script.noWrites) {
      throw new KvError('script_writes')
    }
    return this.start(request, readOnly || script.noWrites, {
      id: script.sha1,
      kind: 'script',
      run: (call, limits) => this.engine.run(script, call, limits),
    })
  }

  call(request: FunctionRequest): Reply {
    const { called, automation, readOnly } = request
    const { library, info } = called
    const noWrites = info.flags.includes('no-writes')
    if (readOnly && !noWrites) throw new KvError('script_writes')
    this.compileLibrary(automation.id, library.chunk, info.name)
    return this.start(request, noWrites, {
      id: functionId(info.name),
      kind: 'function',
      run: (call, limits) => this.engine.call(library.chunk, info.name, call, limits),
    })
  }

  register(automationId: string, code: Buffer, named: (name: string) => void): FunctionLibrary {
    // A copy: the code is part of a request's buffer.
    const own = Buffer.from(code)
    const { name, body } = readLibrary(own)
    named(name)
    const chunk: Chunk = { body, bytecode: undefined }
    const limits = { ...this.limits, timeLimitMs: Math.min(REGISTER_MS, this.limits.timeLimitMs) }
    const functions = this.timed(automationId, () => {
      this.engine.compileLibrary(chunk, name, limits)
      return this.engine.register(chunk, name, limits)
    })
    if (functions.length === 0) throw new KvError('library_empty')
    return { name, code: own, functions }
  }

  private start(request: RunRequest, readOnly: boolean, run: Run): Reply {
    const { automation, db, keys, args } = request
    const host = new ScriptCommands(this.table, this.gate, request, readOnly)
    const call: ScriptCall = { keys, args, host, atomically: (work) => db.attempt(work) }
    try {
      const reply =
        this.where === 'sockets'
          ? this.runQuickly(automation.id, run, call)
          : this.runWatched(automation.id, run, call)
      this.uses.note(automation.id, run.id, host.used.usage(keys, args))
      return reply
    } finally {
      this.uses.noteWhole(automation.id, run.id, keys, host.whole)
    }
  }

  needs(
    automationId: string,
    given: GivenScript,
    script: Buffer,
    keys: readonly Buffer[],
    args: readonly Buffer[],
  ): readonly Need[] | undefined {
    if (script.length > LONGEST_QUICK) return undefined
    return this.uses.needs(automationId, idOfGiven(given, script), keys, args)
  }

  private runWatched(automationId: string, { kind, run }: Run, call: ScriptCall): Reply {
    const { watch } = this
    watch?.begins(kind)
    try {
      const limits = watch === undefined ? this.limits : { ...this.limits, isKilled: () => watch.isKilled() }
      return this.timed(automationId, () => run(call, limits))
    } finally {
      watch?.ends()
    }
  }

  /** Others wait meanwhile: what takes longer has to be run on another thread. */
  private runQuickly(automationId: string, { id, run }: Run, call: ScriptCall): Reply {
    const startedAt = performance.now()
    const timeLimitMs = Math.min(QUICK_MS, this.limits.timeLimitMs)
    try {
      return run(call, { ...this.limits, timeLimitMs })
    } catch (error) {
      if (performance.now() - startedAt < timeLimitMs) throw error
      throw new NeedsThread()
    } finally {
      this.speeds.note(automationId, id, performance.now() - startedAt)
    }
  }

  isFast(automationId: string, given: GivenScript, script: Buffer): boolean {
    // The SHA1 of a long source takes a while itself.
    if (script.length > LONGEST_QUICK) return false
    const id = idOfGiven(given, script)
    return this.speeds.isFast(automationId, id) && (given === 'function' || this.cache.has(automationId, id))
  }

  /** That function is not known to be quick any more, in the library that it has now. */
  private compileLibrary(automationId: string, chunk: Chunk, name: string): void {
    if (chunk.bytecode !== undefined) return
    if (this.where === 'sockets') {
      this.speeds.note(automationId, functionId(name), Number.POSITIVE_INFINITY)
      throw new NeedsThread()
    }
    this.timed(automationId, () => this.engine.compileLibrary(chunk, name, this.limits))
  }

  /** It took so long on another thread, without the `waits` for keys that it did not declare. */
  took(automationId: string, given: GivenScript, script: Buffer, ms: number, waits: number): void {
    const id = idOfGiven(given, script)
    if (given !== 'function' && !this.cache.has(automationId, id)) return
    this.speeds.note(automationId, id, waits > FEW_LATER_READS ? Number.POSITIVE_INFINITY : ms)
  }

  load(automationId: string, source: Buffer): string {
    return this.compiled(automationId, source).sha1
  }

  knows(automationId: string, sha1: string): boolean {
    return this.cache.has(automationId, sha1)
  }

  flush(automationId: string): void {
    this.cache.flush(automationId)
  }

  /** The script that an argument names by its source or SHA1, if it is known. */
  find(automationId: string, given: 'source' | 'sha1', arg: Buffer): LuaScript | undefined {
    return this.cache.get(automationId, idOfGiven(given, arg))
  }

  /** Keeps a script that another thread compiled. */
  keep(automationId: string, script: LuaScript): void {
    this.cache.add(automationId, ownCopy(script))
  }

  /** From now on these are the scripts that the automation has, and no others. */
  adopt(automationId: string, scripts: readonly LuaScript[]): void {
    this.cache.flush(automationId)
    for (const script of scripts) this.cache.add(automationId, ownCopy(script))
    this.newlyCompiled = []
    this.uses.take()
  }

  /** What was compiled since `adopt`, if the automation still has it. */
  takeCompiled(automationId: string): readonly LuaScript[] {
    return this.newlyCompiled.splice(0).filter(({ sha1 }) => this.cache.has(automationId, sha1))
  }

  /** The script that EVAL brings: known from before, or compiled and kept. */
  private compiled(automationId: string, source: Buffer): LuaScript {
    const sha1 = sha1Of(source)
    const known = this.cache.get(automationId, sha1)
    if (known !== undefined) return known
    // A copy: the source is part of a request's buffer.
    const script = readScript(Buffer.from(source), sha1)
    this.timed(automationId, () => this.engine.compile(script, this.limits))
    this.cache.add(automationId, script)
    if (this.where === 'thread') this.newlyCompiled.push(script)
    return script
  }

  private loaded(automationId: string, sha1: Buffer): LuaScript {
    const script =
      sha1.length === SHA1_LENGTH
        ? this.cache.get(automationId, sha1.toString('latin1').toLowerCase())
        : undefined
    if (script === undefined) throw new KvError('no_script')
    return script
  }

  private timed<T>(automationId: string, run: () => T): T {
    if (this.budget?.allows(automationId, this.limits.timeLimitMs) === false)
      throw new KvError('scripts_too_slow')
    const startedAt = performance.now()
    try {
      return run()
    } finally {
      this.budget?.spend(automationId, performance.now() - startedAt)
    }
  }
}

function idOfGiven(given: GivenScript, script: Buffer): string {
  if (given === 'function') return functionId(script.toString('latin1'))
  return given === 'source' ? sha1Of(script) : script.toString('latin1').toLowerCase()
}

/** A script that came from another thread has plain arrays for its buffers. */
const ownCopy = (script: LuaScript): LuaScript => ({
  ...script,
  body: Buffer.from(script.body),
  bytecode: script.bytecode && Buffer.from(script.bytecode),
})
