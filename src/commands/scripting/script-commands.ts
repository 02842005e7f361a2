import type { Database } from '../../engine/plaintext/database.ts'
import { type Need, partOf } from '../../engine/plaintext/extent.ts'
import { NotLoaded } from '../../engine/plaintext/not-loaded.ts'
import { KvError } from '../../errors/errors.ts'
import type { Gate } from '../../gate/gate.ts'
import { keyIndexes } from '../../gate/key-spec.ts'
import type { ScriptHost } from '../../lua-vm/engine.ts'
import type { CommandTable, ServedRow } from '../../registry/command-table.ts'
import type { RunContext } from '../../registry/context.ts'
import { isComputed } from '../../registry/row.ts'
import { runRow } from '../../registry/run-row.ts'
import { OK, PONG, type Reply } from '../../reply/reply.ts'
import type { RunRequest } from '../../session/services.ts'
import { infoReply } from '../connection/server-info.ts'
import { int32 } from '../parsing/args.ts'
import { UsageLog } from './script-usage.ts'

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
export class ScriptCommands implements ScriptHost {
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
    { db, identity, automation, services }: RunRequest,
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
    this.db.trace?.add(args)
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
      if (!isComputed(row)) return run(this.db, args, this.context)
      return runRow(row, this.db, args, () => row.run(this.db, args, this.context))
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
