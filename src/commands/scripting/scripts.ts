import { FEW_LATER_READS } from '../../engine/optimistic/later-reads.ts'
import { NeedsThread } from '../../engine/optimistic/needs-thread.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { type Need, partOf } from '../../engine/plaintext/extent.ts'
import { NotLoaded } from '../../engine/plaintext/not-loaded.ts'
import { KvError } from '../../errors/errors.ts'
import type { Gate } from '../../gate/gate.ts'
import { keyIndexes } from '../../gate/key-spec.ts'
import { type ScriptCall, ScriptEngine, type ScriptHost, type ScriptLimits } from '../../lua-vm/engine.ts'
import { type LuaScript, readScript, sha1Of } from '../../lua-vm/script.ts'
import type { CommandTable, ServedRow } from '../../registry/command-table.ts'
import type { RunContext } from '../../registry/context.ts'
import { OK, PONG, type Reply } from '../../reply/reply.ts'
import type { ScriptRequest, ScriptRunner } from '../../session/services.ts'
import { infoReply } from '../connection/server-info.ts'
import { int32 } from '../parsing/args.ts'
import { ScriptCache } from './script-cache.ts'
import { ScriptSpeeds } from './script-speeds.ts'
import { ScriptUses, UsageLog } from './script-usage.ts'
import { TimeBudget } from './time-budget.ts'

const SHA1_LENGTH = 40
/** A script may hold up sockets so long, in milliseconds. */
const QUICK_MS = 5
const LONGEST_QUICK = 64 * 1024

/**
 * What else the thread does that scripts are run on: `everything`, so the time of each automation's slow
 * scripts is limited; `sockets`, so only quick scripts are run; nothing for a `thread` that runs the others.
 */
export type Where = 'everything' | 'sockets' | 'thread'

/** Commands on the connection that mean something to a script. */
const ON_CONNECTION: Readonly<Record<string, (db: Database, args: readonly Buffer[]) => Reply>> = {
  ping: (_db, args) => args[1] ?? PONG,
  echo: (_db, args) => args[1]!,
  select: (_db, args) => {
    if (int32(args[1]!) !== 0) throw new KvError('db_index')
    return OK
  },
  info: (db, args) => infoReply(db.info(), args),
  // The clock that expiry goes by; a script that has to run again may read a later time.
  time: (db) => [String(Math.floor(db.now / 1000)), String((db.now % 1000) * 1000)],
}

/**
 * What redis.call does: a command on the same computation, with Redis's rules for scripts. Keys that were not
 * declared are served too, as a Redis that is no cluster does and some clients' scripts (BullMQ's) need.
 * Before the script begins KEYS are read or, when it was run before, what it looked at then; what a call
 * needs beyond that is read at once.
 */
class ScriptCommands implements ScriptHost {
  private readonly table: CommandTable
  private readonly gate: Gate
  private readonly db: Database
  private readonly context: RunContext
  private readonly readOnly: boolean
  /** What it looked at. */
  readonly used = new UsageLog()
  /** What it had to read whole though its commands look at a part. */
  readonly whole: Buffer[] = []

  constructor(
    table: CommandTable,
    gate: Gate,
    { db, identity, automation, services }: ScriptRequest,
    readOnly: boolean,
  ) {
    this.table = table
    this.gate = gate
    this.db = db
    this.context = { identity, automation, services, inScript: true }
    this.readOnly = readOnly
  }

  call(args: readonly Buffer[]): Reply {
    const row = this.find(args)
    const run = row.run ?? ON_CONNECTION[row.name]
    if (run === undefined || row.flags.includes('noscript')) throw new KvError('script_not_allowed')
    if (this.readOnly && row.flags.some((flag) => flag === 'write' || flag === 'may_replicate'))
      throw new KvError('script_read_only')
    this.gate.allowInScript(this.context.identity, row, args)
    // What else a transaction around the script needs of a key may be another part.
    const extentOf = 'extent' in row ? row.extent : undefined
    const needs = keyIndexes(row, args).map(
      (index): Need => ({
        name: args[index]!,
        extent: extentOf === undefined ? 'all' : partOf(extentOf(args, index)),
      }),
    )
    for (const { name, extent } of needs) this.used.note(name, extent)
    try {
      this.db.require(needs)
      return run(this.db, args, this.context)
    } catch (error) {
      if (error instanceof NotLoaded && typeof error.needs !== 'string')
        for (const { name, extent } of error.needs) if (extent === 'all') this.whole.push(name)
      throw error
    }
  }

  allows(args: readonly Buffer[]): boolean | undefined {
    try {
      this.gate.allowRight(this.context.identity, this.find(args).right)
      return true
    } catch (error) {
      if (error instanceof KvError)
        return error.code === 'not_offered' || error.code === 'read_only_token' ? false : undefined
      throw error
    }
  }

  /** The row of a command within a script. Throws with the texts that Redis has for scripts. */
  private find(args: readonly Buffer[]): ServedRow {
    try {
      return this.table.lookUp(args)
    } catch (error) {
      const code = error instanceof KvError ? error.code : undefined
      if (code === 'unknown_command' || code === 'unknown_subcommand')
        throw new KvError('script_unknown_command')
      if (code === 'wrong_arity' || code === 'exec_refused') throw new KvError('script_wrong_arity')
      throw error
    }
  }
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
  readonly uses: ScriptUses
  private newlyCompiled: LuaScript[] = []

  constructor(table: CommandTable, gate: Gate, limits: ScriptLimits, where: Where = 'everything') {
    this.table = table
    this.gate = gate
    this.limits = limits
    this.where = where
    this.uses = new ScriptUses(where === 'thread')
    this.budget = where === 'everything' ? new TimeBudget() : undefined
  }

  run(request: ScriptRequest): Reply {
    const { script: wanted, automation, db, keys, args, readOnly } = request
    const script =
      'source' in wanted
        ? this.compiled(automation.id, wanted.source)
        : this.loaded(automation.id, wanted.sha1)
    if (readOnly && script.declaresFlags && !script.noWrites) {
      throw new KvError('script_writes')
    }
    const host = new ScriptCommands(this.table, this.gate, request, readOnly || script.noWrites)
    const call: ScriptCall = { keys, args, host, atomically: (run) => db.attempt(run) }
    try {
      const reply =
        this.where === 'sockets'
          ? this.runQuickly(automation.id, script, call)
          : this.timed(automation.id, () => this.engine.run(script, call, this.limits))
      this.uses.note(automation.id, script.sha1, host.used.usage(keys, args))
      return reply
    } finally {
      this.uses.noteWhole(automation.id, script.sha1, keys, host.whole)
    }
  }

  needs(
    automationId: string,
    given: 'source' | 'sha1',
    script: Buffer,
    keys: readonly Buffer[],
    args: readonly Buffer[],
  ): readonly Need[] | undefined {
    if (script.length > LONGEST_QUICK) return undefined
    const sha1 = given === 'source' ? sha1Of(script) : script.toString('latin1').toLowerCase()
    return this.uses.needs(automationId, sha1, keys, args)
  }

  /** Others wait meanwhile: what takes longer has to be run on another thread. */
  private runQuickly(automationId: string, script: LuaScript, call: ScriptCall): Reply {
    const startedAt = performance.now()
    const timeLimitMs = Math.min(QUICK_MS, this.limits.timeLimitMs)
    try {
      return this.engine.run(script, call, { ...this.limits, timeLimitMs })
    } catch (error) {
      if (performance.now() - startedAt < timeLimitMs) throw error
      throw new NeedsThread()
    } finally {
      this.speeds.note(automationId, script.sha1, performance.now() - startedAt)
    }
  }

  isFast(automationId: string, given: 'source' | 'sha1', script: Buffer): boolean {
    // The SHA1 of a long source takes a while itself.
    if (script.length > LONGEST_QUICK) return false
    const sha1 = given === 'source' ? sha1Of(script) : script.toString('latin1').toLowerCase()
    return this.speeds.isFast(automationId, sha1) && this.cache.has(automationId, sha1)
  }

  /** It took so long on another thread, without the `waits` for keys that it did not declare. */
  took(automationId: string, sha1: string, ms: number, waits: number): void {
    this.speeds.note(automationId, sha1, waits > FEW_LATER_READS ? Number.POSITIVE_INFINITY : ms)
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
    const sha1 = given === 'source' ? sha1Of(arg) : arg.toString('latin1').toLowerCase()
    return this.cache.get(automationId, sha1)
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

/** A script that came from another thread has plain arrays for its buffers. */
const ownCopy = (script: LuaScript): LuaScript => ({
  ...script,
  body: Buffer.from(script.body),
  bytecode: script.bytecode && Buffer.from(script.bytecode),
})
