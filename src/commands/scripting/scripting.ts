import type { RunContext } from '../registry/call.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { checkKey } from '../../gate/key-names.ts'
import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import { OK, PONG, type Reply, SimpleString } from '../../reply/reply.ts'
import { ScriptCache } from './script-cache.ts'
import { ScriptEngine, type ScriptHost, type ScriptLimits } from '../../lua-vm/engine.ts'
import { readScript, type Script, sha1Of } from '../../lua-vm/script.ts'
import { TimeBudget } from './time-budget.ts'
import { int32, word } from '../parsing/args.ts'
import { lookUp } from '../registry/look-up.ts'
import { connection, container, countedKeys, data, type DataRow, keyIndexes, type KeyspaceRow, type LeafRow } from '../registry/row.ts'

const engine = new ScriptEngine()
const cache = new ScriptCache()
const budget = new TimeBudget()
let limits: ScriptLimits = { timeLimitMs: 200, memoryLimitBytes: 32 * 1024 * 1024 }

/** Set by the application from its settings. */
export const limitScripts = (settings: ScriptLimits): void => {
  limits = settings
}

const SHA1_LENGTH = 40
const FIRST_KEY_AT = 3

/** Commands on the connection that mean something to a script. */
const ON_CONNECTION: Readonly<Record<string, (db: Database, args: readonly Buffer[]) => Reply>> = {
  ping: (_db, args) => args[1] ?? PONG,
  echo: (_db, args) => args[1]!,
  select: (_db, args) => {
    if (int32(args[1]!) !== 0) throw new KvError('db_index')
    return OK
  },
  // The clock that expiry goes by; a script that has to run again may read a later time.
  time: (db) => [String(Math.floor(db.now / 1000)), String((db.now % 1000) * 1000)],
}

/**
 * What redis.call does: a command on the same computation, with Redis's rules for scripts. Keys that were not declared are served too, as
 * a Redis that is no cluster does and some clients' scripts (BullMQ's) need: each costs another round trip, since only KEYS are loaded
 * before the script begins.
 */
class Commands implements ScriptHost {
  private readonly db: Database
  private readonly context: RunContext
  private readonly readOnly: boolean

  constructor(db: Database, context: RunContext, readOnly: boolean) {
    this.db = db
    this.context = { ...context, inScript: true }
    this.readOnly = readOnly
  }

  call(args: readonly Buffer[]): Reply {
    const { identity, store } = this.context
    const row = found(args)
    const run = row.kind === 'connection' ? ON_CONNECTION[row.name] : (row as DataRow | KeyspaceRow).run
    if (run === undefined || row.flags.includes('noscript')) throw new KvError('script_not_allowed')
    if (row.flags.includes('write')) {
      if (this.readOnly) throw new KvError('script_read_only')
      if (identity.readOnly) throw new KvError('read_only_token')
    }
    for (const index of keyIndexes(row, args)) checkKey(args[index]!, store.limits.maxKeyLength)
    if (args.some(({ length }) => length > store.limits.maxValueSize)) throw new KvError('value_too_large')
    return run(this.db, args, this.context)
  }

  allows(args: readonly Buffer[]): boolean | undefined {
    try {
      const row = found(args)
      return !(row.flags.includes('write') && this.context.identity.readOnly)
    } catch (error) {
      if (error instanceof KvError) return error.code === 'not_offered' ? false : undefined
      throw error
    }
  }
}

/** The row of a command within a script. Throws with the texts that Redis has for scripts. */
function found(args: readonly Buffer[]): Exclude<LeafRow, { kind: 'refused' }> {
  try {
    return lookUp(args)
  } catch (error) {
    const code = error instanceof KvError ? error.code : undefined
    if (code === 'unknown_command' || code === 'unknown_subcommand') throw new KvError('script_unknown_command')
    if (code === 'wrong_arity') throw new KvError('script_wrong_arity')
    throw error
  }
}

/** The script that EVAL brings: known from before, or compiled and kept. */
function scriptOf(automationId: string, source: Buffer): Script {
  const sha1 = sha1Of(source)
  const known = cache.get(automationId, sha1)
  if (known !== undefined) return known
  // A copy: the source is part of a request's buffer.
  const script = readScript(Buffer.from(source), sha1)
  timed(automationId, () => engine.compile(script, limits))
  cache.add(automationId, script)
  return script
}

function loadedScript(automationId: string, sha1: Buffer): Script {
  const script = sha1.length === SHA1_LENGTH ? cache.get(automationId, sha1.toString('latin1').toLowerCase()) : undefined
  if (script === undefined) throw new KvError('no_script')
  return script
}

function keyCount(args: readonly Buffer[]): number {
  const count = parseInteger(args[2]!)
  if (count === undefined) throw new KvError('not_integer')
  if (count > BigInt(args.length - FIRST_KEY_AT)) throw new KvError('numkeys_too_large')
  if (count < 0n) throw new KvError('numkeys_negative')
  return Number(count)
}

const evaluate =
  (find: (automationId: string, arg: Buffer) => Script, bySha1: boolean, readOnly: boolean) =>
  (db: Database, args: readonly Buffer[], context: RunContext): Reply => {
    if (bySha1 && args[1]!.length !== SHA1_LENGTH) throw new KvError('no_script')
    const count = keyCount(args)
    const script = find(context.automation.id, args[1]!)
    if (readOnly && script.declaresFlags && !script.noWrites) {
      throw new KvError('script_writes')
    }
    const keys = args.slice(FIRST_KEY_AT, FIRST_KEY_AT + count)
    return timed(context.automation.id, () =>
      engine.run(
        script,
        {
          keys,
          args: args.slice(FIRST_KEY_AT + count),
          host: new Commands(db, context, readOnly || script.noWrites),
          atomically: (run) => db.attempt(run),
        },
        limits,
      ),
    )
  }

/** Runs a script on the automation's account of time. */
function timed<T>(automationId: string, run: () => T): T {
  if (!budget.allows(automationId, limits.timeLimitMs)) {
    throw new KvError('scripts_too_slow')
  }
  const startedAt = performance.now()
  try {
    return run()
  } finally {
    budget.spend(automationId, performance.now() - startedAt)
  }
}

const group = 'scripting'
const FLAGS = 'noscript stale skip_monitor no_mandatory_keys movablekeys'
const complexity = 'Depends on the script that is executed.'
const keys = countedKeys(2)

const HELP = [
  'SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'EXISTS <sha1> [<sha1> ...]',
  '    Return information about the existence of the scripts in the script cache.',
  'FLUSH [ASYNC|SYNC]',
  '    Flush the Lua scripts cache.',
  'LOAD <script>',
  '    Load a script into the scripts cache without executing it.',
  'HELP',
  '    Prints this help.',
].map((line) => new SimpleString(line))

export const SCRIPTING = [
  data({
    name: 'eval', arity: -3, flags: FLAGS, group, since: '2.6.0', complexity, keys,
    syntax: 'script numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script, atomically. It may use the keys that it is given.',
    run: evaluate(scriptOf, false, false),
  }),
  data({
    name: 'evalsha', arity: -3, flags: FLAGS, group, since: '2.6.0', complexity, keys,
    syntax: 'sha1 numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script that this process knows by its SHA1.',
    run: evaluate(loadedScript, true, false),
  }),
  data({
    name: 'eval_ro', arity: -3, flags: `readonly ${FLAGS}`, group, since: '7.0.0', complexity, keys,
    syntax: 'script numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script that does not write.',
    run: evaluate(scriptOf, false, true),
  }),
  data({
    name: 'evalsha_ro', arity: -3, flags: `readonly ${FLAGS}`, group, since: '7.0.0', complexity, keys,
    syntax: 'sha1 numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script that does not write, known by its SHA1.',
    run: evaluate(loadedScript, true, true),
  }),
  container(
    {
      name: 'script', arity: -2, flags: '', group, since: '2.6.0', complexity: 'Depends on subcommand.',
      syntax: 'subcommand [arg [arg ...]]',
      summary: 'A container for Lua scripts management commands.',
    },
    [
      data({
        // On data, though it touches none: so it keeps its place among the commands of a transaction.
        name: 'script|load', arity: 3, flags: 'noscript stale', group, since: '2.6.0',
        complexity: "O(N) with N being the length in bytes of the script's body",
        syntax: 'script',
        summary: 'Compiles a script and keeps it in this process.',
        run: (_db, args, { automation }) => scriptOf(automation.id, args[2]!).sha1,
      }),
      data({
        name: 'script|exists', arity: -3, flags: 'noscript', group, since: '2.6.0',
        complexity: 'O(N) with N being the number of scripts to check',
        syntax: 'sha1 [sha1 ...]',
        summary: 'Tells which scripts this process knows.',
        run: (_db, args, { automation }) => args.slice(2).map((sha1) => (cache.has(automation.id, sha1.toString('latin1').toLowerCase()) ? 1 : 0)),
      }),
      connection({
        name: 'script|flush', arity: -2, flags: 'noscript', group, since: '2.6.0', exclusive: true,
        syntax: '[ASYNC | SYNC]',
        summary: "Forgets the automation's scripts in this process.",
        handle: ({ automation }, args) => {
          if (args.length > 3 || (args.length === 3 && !['SYNC', 'ASYNC'].includes(word(args[2])))) {
            throw new KvError('script_flush_mode')
          }
          cache.flush(automation!.id)
          return OK
        },
      }),
      connection({
        name: 'script|help', arity: 2, flags: 'loading stale', group, since: '5.0.0',
        syntax: '',
        summary: 'Describes the subcommands.',
        handle: () => HELP,
      }),
    ],
  ),
]
