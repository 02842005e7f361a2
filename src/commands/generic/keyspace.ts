import type { Automation } from '../../automation/automation.ts'
import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { type BackingScript, LIST_KEYS, SCAN } from '../../backing/scripts.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import type { Store } from '../../engine/store.ts'
import { KvError } from '../../errors/errors.ts'
import { compileGlob } from '../../redis-semantics/glob.ts'
import type { Call } from '../../registry/context.ts'
import { keyspace } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { word } from '../parsing/args.ts'
import { randomItem } from '../parsing/random.ts'
import { parseCursor, parseScanOptions } from '../parsing/scan-options.ts'
import { WAIT } from './wait.ts'

/** A key with its bookkeeping. Times are milliseconds since the epoch. */
export interface LiveKey {
  readonly name: Buffer
  readonly createdAt: number
  readonly updatedAt: number
  /** Version of the last write to it. */
  readonly version: number
  /** 0 without a TTL. */
  readonly expireAt: number
}

/**
 * The scripts drop expired entries, which nobody can tell from their being there: so it is not sent as a
 * write.
 */
const onIndex = (
  store: Store,
  automation: Automation,
  script: BackingScript,
  ...args: BackingArg[]
): Promise<BackingReply[]> =>
  new Promise((resolve, reject) => {
    store.backing.script(
      automation,
      script,
      false,
      [2, automation.versionKey, automation.indexKey, automation.prefix.length, ...args],
      (error, reply) => {
        if (error === null) resolve(reply as BackingReply[])
        else reject(error)
      },
    )
  })

/** All keys of the automation that exist now, in no order. */
export async function liveKeys(store: Store, automation: Automation): Promise<LiveKey[]> {
  const flat = (await onIndex(store, automation, LIST_KEYS)) as Buffer[]
  const keys: LiveKey[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [createdAt = 0, updatedAt = 0, version = 0, expireAt = 0] = flat[i + 1]!.toString('latin1')
      .split(':')
      .map(Number)
    keys.push({ name: flat[i]!, createdAt, updatedAt, version, expireAt })
  }
  return keys
}

const keysOf = ({ services, automation }: Call): Promise<LiveKey[]> => liveKeys(services.store, automation)

async function keys(call: Call): Promise<Reply> {
  const matches = compileGlob(call.args[1]!)
  return (await keysOf(call)).map(({ name }) => name).filter(matches)
}

const TYPES: ReadonlySet<string> = new Set(['string', 'list', 'hash', 'set', 'zset', 'stream'])

/** In a transaction all keys are at hand, so one call shows them all. */
function scanAll(db: Database, args: readonly Buffer[]): Reply {
  parseCursor(args[1]!)
  const { matches, type } = parseScanOptions(args, 2, true)
  return ['0', db.names().filter((name) => matches(name) && (type === undefined || db.type(name) === type))]
}

function removeAll(db: Database, args: readonly Buffer[]): Reply {
  checkFlush(args)
  for (const name of db.names()) db.remove(name)
  return OK
}

function checkFlush(args: readonly Buffer[]): void {
  if (args.length > 2 || (args.length === 2 && !['ASYNC', 'SYNC'].includes(word(args[1]))))
    throw new KvError('syntax')
}

async function scan({ services, automation, args }: Call): Promise<Reply> {
  const cursor = parseCursor(args[1]!)
  const { matches, count, type } = parseScanOptions(args, 2, true)
  // No key is of an unknown type, and its text is the caller's: it stays here.
  const wanted = type === undefined ? '' : TYPES.has(type) ? type : 'none'
  const [next, ...names] = (await onIndex(
    services.store,
    automation,
    SCAN,
    cursor,
    count,
    wanted,
  )) as Buffer[]
  return [next!, names.filter(matches)]
}

async function flush({ services, automation, args }: Call): Promise<Reply> {
  checkFlush(args)
  await services.store.flush(automation)
  return OK
}

const group = 'generic'
const complexity = 'O(N) in the number of keys of the automation'

export const KEYSPACE = [
  keyspace({
    name: 'dbsize',
    arity: 1,
    flags: 'readonly fast',
    group: 'server',
    since: '1.0.0',
    complexity,
    syntax: '',
    summary: 'Returns the number of keys.',
    run: (db) => db.names().length,
    execute: async (call) => (await keysOf(call)).length,
  }),
  keyspace({
    name: 'flushall',
    arity: -1,
    flags: 'write',
    group: 'server',
    since: '1.0.0',
    complexity,
    syntax: '[ASYNC | SYNC]',
    summary: 'Deletes all keys of the automation.',
    run: removeAll,
    execute: flush,
  }),
  keyspace({
    name: 'flushdb',
    arity: -1,
    flags: 'write',
    group: 'server',
    since: '1.0.0',
    complexity,
    syntax: '[ASYNC | SYNC]',
    summary: 'Deletes all keys of the automation.',
    run: removeAll,
    execute: flush,
  }),
  keyspace({
    name: 'keys',
    arity: 2,
    flags: 'readonly',
    group,
    since: '1.0.0',
    complexity,
    syntax: 'pattern',
    summary: 'Returns the keys whose names match a pattern.',
    run: (db, args) => db.names().filter(compileGlob(args[1]!)),
    execute: keys,
  }),
  keyspace({
    name: 'randomkey',
    arity: 1,
    flags: 'readonly',
    group,
    since: '1.0.0',
    complexity,
    syntax: '',
    summary: 'Returns the name of a key at random.',
    run: (db) => randomItem(db.names()) ?? null,
    execute: async (call) => randomItem(await keysOf(call))?.name ?? null,
  }),
  keyspace({
    name: 'scan',
    arity: -2,
    flags: 'readonly',
    group,
    since: '2.8.0',
    syntax: 'cursor [MATCH pattern] [COUNT count] [TYPE type]',
    summary: 'Goes through the keys, some at each call.',
    complexity: 'O(1) a call, O(N) for all keys of the automation',
    run: scanAll,
    execute: scan,
  }),
  WAIT,
]
