import type { BackingArg, BackingReply } from '../backing/backing.ts'
import type { LibraryNeeds } from '../engine/libraries/library.ts'
import type { Database } from '../engine/plaintext/database.ts'
import type { Extent } from '../engine/plaintext/extent.ts'
import type { NativeWrite } from '../engine/writes/native-write.ts'
import type { Right } from '../gate/gate.ts'
import { type KeySpec, NO_KEYS } from '../gate/key-spec.ts'
import { finish, type Parts } from '../lib/parts.ts'
import type { Reply } from '../reply/reply.ts'
import type { GivenScript } from '../session/services.ts'
import type { Session } from '../session/session.ts'
import type { Blocking } from './blocking.ts'
import type { Call, RunContext } from './context.ts'
import { type Misses, missesOf, type Notifies } from './notifies.ts'

export {
  ALL_KEYS,
  countedKeys,
  FIRST_KEY,
  KEY_VALUE_PAIRS,
  type KeySpec,
  keyIndexes,
  NO_KEYS,
  TWO_KEYS,
} from '../gate/key-spec.ts'

export type CommandGroup =
  | 'string'
  | 'list'
  | 'hash'
  | 'set'
  | 'sorted-set'
  | 'stream'
  | 'bitmap'
  | 'hyperloglog'
  | 'generic'
  | 'pubsub'
  | 'transactions'
  | 'connection'
  | 'server'
  | 'scripting'

/** Redis's own: https://redis.io/docs/latest/commands/command/#flags */
export type Flag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'fast'
  | 'no_auth'
  | 'may_replicate'
  | 'sentinel'
  | 'movablekeys'
  | 'allow_busy'
  | 'no_async_loading'
  | 'no_mandatory_keys'

interface Facts {
  /** Lower case; a subcommand is `object|encoding`. */
  readonly name: string
  /** Number of arguments with the name; negative: at least that many. */
  readonly arity: number
  readonly flags: readonly Flag[]
  readonly group: CommandGroup
  /** The Redis version that brought it. */
  readonly since: string
  readonly complexity: string
  readonly summary: string
  /**
   * The arguments as redis.io writes them; COMMAND DOCS, `docs/commands.md` and the hints of redis-cli come
   * from it.
   */
  readonly syntax: string
  readonly keys: KeySpec
  /** It puts what is there under another name, which no flag tells. */
  readonly moves?: boolean
  /** What the token's scope must allow. */
  readonly right: Right
  /** The libraries of functions that `run` looks at. */
  readonly libraries?: (args: readonly Buffer[]) => LibraryNeeds
}

/** Answered by one native command on ciphertext. `undefined` from `read`: compute it instead. */
export interface DirectRead {
  readonly read: (call: Call) => readonly BackingArg[] | undefined
  readonly reply: (call: Call, raw: BackingReply) => Reply
  /** `read` for a call of many words, whose sealing would hold up others. */
  readonly readInParts?: (call: Call) => Parts<readonly BackingArg[]>
  /** `reply` for a reply of many values, whose opening would hold up others. */
  readonly inParts?: (call: Call, raw: BackingReply) => Parts<Reply>
}

/**
 * Answered by native commands on ciphertext, as one write request. `undefined` from `write`: compute it
 * instead.
 */
export interface DirectWrite {
  readonly write: (call: Call) => readonly NativeWrite[] | undefined
  readonly reply: (call: Call, raws: readonly BackingReply[]) => Reply
  /** The same for replies of many values. */
  readonly inParts?: (call: Call, raws: readonly BackingReply[]) => Parts<Reply>
}

export type Direct = DirectRead | DirectWrite

export const reads = (read: DirectRead['read'], reply: DirectRead['reply']): DirectRead => ({ read, reply })
/** What is sent is made in parts when there are many words. */
export const asksInParts = (
  ask: (call: Call) => Parts<readonly BackingArg[]>,
  reply: DirectRead['reply'],
): DirectRead => ({ read: (call) => finish(ask(call)), readInParts: ask, reply })
export const readsInParts = (
  read: DirectRead['read'],
  inParts: (call: Call, raw: BackingReply) => Parts<Reply>,
): DirectRead => ({ read, reply: (call, raw) => finish(inParts(call, raw)), inParts })
export const writes = (write: DirectWrite['write'], reply: DirectWrite['reply']): DirectWrite => ({
  write,
  reply,
})
export const writesInParts = (
  write: DirectWrite['write'],
  inParts: (call: Call, raws: readonly BackingReply[]) => Parts<Reply>,
): DirectWrite => ({ write, reply: (call, raws) => finish(inParts(call, raws)), inParts })

export interface DataRow extends Facts {
  readonly kind: 'data'
  /**
   * Redis's semantics on plaintext: what transactions use, and every command that is not answered directly.
   */
  readonly run: (db: Database, args: readonly Buffer[], context: RunContext) => Reply
  /** How much of the key at argument `index` `run` looks at. */
  readonly extent: (args: readonly Buffer[], index: number) => Extent
  readonly direct?: Direct
  /**
   * It runs or compiles a script: the argument that has its source or SHA1, or the name of a function.
   * Computed on another thread unless the script is known to be quick.
   */
  readonly script?: { readonly given: GivenScript; readonly at: number }
  /** Its keyspace notifications. */
  readonly notifies?: Notifies
  /** The keys that it looks for, to tell of what is not there. */
  readonly misses?: Misses
  /** How it waits when there is nothing to answer; `run` does not wait, as in a transaction. */
  readonly blocking?: Blocking
}

export type BlockingRow = DataRow & { readonly blocking: Blocking }

export const mayBlock = (row: Row): row is BlockingRow => row.kind === 'data' && row.blocking !== undefined

/** A command on all keys of the automation at once (KEYS, SCAN...). */
export interface KeyspaceRow extends Facts {
  readonly kind: 'keyspace'
  /** Within a transaction or a script. */
  readonly run: (db: Database, args: readonly Buffer[], context: RunContext) => Reply
  readonly execute: (call: Call) => Promise<Reply>
  /** It may take any time, and ends when `isGone` of its call says so. */
  readonly waits?: true
}

/** A command on the connection itself. A promise holds back the commands that follow it. */
export interface ConnectionRow extends Facts {
  readonly kind: 'connection'
  /** Waits for the replies to everything before it, because it changes how the connection goes on. */
  readonly exclusive?: boolean
  /** Handled at once also within MULTI, where other commands are queued. */
  readonly immediate?: boolean
  /** It is not held back by CLIENT PAUSE. */
  readonly endsPause?: boolean
  /** Refused, it ends the transaction as well, and says so. */
  readonly endsTransaction?: boolean
  /** It works on the data, and is ordered as a command on data. */
  readonly computes?: boolean
  /**
   * Waits for writes before it that take more than one round trip: anyone who is told of it may look at what
   * they wrote.
   */
  readonly afterWrites?: boolean
  /** Allowed to a RESP2 client that listens to channels. */
  readonly whileSubscribed?: boolean
  /** What it does within a transaction or a script, as a part of its commit; else `handle` comes after. */
  readonly run?: DataRow['run']
  /** Undefined: no reply at all. */
  readonly handle: (session: Session, args: readonly Buffer[]) => Reply | Promise<Reply> | undefined
}

/** Known to Redis and not offered: the reason is part of the answer. */
export interface RefusedRow extends Facts {
  readonly kind: 'refused'
  readonly reason: string
}

export type LeafRow = DataRow | KeyspaceRow | ConnectionRow | RefusedRow

/** A command whose first argument picks one of several. */
export interface ContainerRow extends Facts {
  readonly kind: 'container'
  readonly subcommands: ReadonlyMap<string, LeafRow>
  /** The answer without a subcommand, for the one container that has one. */
  readonly bare?: (session: Session) => Reply
}

export type Row = LeafRow | ContainerRow

type FactsOf<R extends Row> = Omit<
  R,
  'kind' | 'flags' | 'keys' | 'right' | 'complexity' | 'extent' | 'subcommands'
> & {
  /** Space-separated. */
  readonly flags: string
  readonly keys?: KeySpec
  readonly complexity?: string
  /** Where the flags do not tell it: `write` needs `kv:write`, `readonly` needs `kv:read`. */
  readonly right?: Right
}

const rightOf = (flags: readonly string[]): Right =>
  flags.includes('write') ? 'kv:write' : flags.includes('readonly') ? 'kv:read' : 'none'

const facts = (spec: { flags: string; keys?: KeySpec; complexity?: string; right?: Right }) => ({
  complexity: 'O(1)',
  ...spec,
  keys: spec.keys ?? NO_KEYS,
  right: spec.right ?? rightOf(spec.flags.split(' ')),
  flags: spec.flags.split(' ').filter((flag) => flag !== '') as Flag[],
})

export const data = (spec: FactsOf<DataRow> & { extent?: DataRow['extent'] }): DataRow => ({
  extent: () => 'all',
  ...missesOf(spec),
  ...spec,
  ...facts(spec),
  kind: 'data',
})

export const keyspace = (spec: FactsOf<KeyspaceRow>): KeyspaceRow => ({
  ...spec,
  ...facts(spec),
  kind: 'keyspace',
})

export const connection = (spec: FactsOf<ConnectionRow>): ConnectionRow => ({
  ...spec,
  ...facts(spec),
  kind: 'connection',
})

export const container = (spec: FactsOf<ContainerRow>, subcommands: readonly LeafRow[]): ContainerRow => ({
  ...spec,
  ...facts(spec),
  kind: 'container',
  subcommands: new Map(subcommands.map((row) => [row.name.slice(row.name.indexOf('|') + 1), row])),
})

/** A row that can be a part of a computation. */
export type ComputedRow = DataRow | KeyspaceRow | (ConnectionRow & { readonly run: DataRow['run'] })

export const isComputed = (row: DataRow | KeyspaceRow | ConnectionRow): row is ComputedRow =>
  row.run !== undefined

export const META = (): Extent => 'meta'
/** For commands on the ends of lists: a long one is not fetched whole. */
export const ENDS = (): Extent => 'ends'
/** For commands that append to a stream, trim it or count its entries. */
export const TAIL = (): Extent => 'tail'

export const arityFits = ({ arity }: Row, count: number): boolean =>
  arity >= 0 ? count === arity : count >= -arity
