import type { ConnectionRow, DataRow, KeyspaceRow } from '../registry/row.ts'
import { keyIndexes } from '../registry/row.ts'
import { ErrorReply, NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import type { RunContext } from '../registry/call.ts'
import type { Database, Watched } from '../../engine/plaintext/database.ts'
import { errorReply } from './execute.ts'
import { runNative } from './native-transaction.ts'
import { NotLoaded } from '../../engine/plaintext/not-loaded.ts'
import type { Need } from '../../engine/plaintext/snapshot.ts'
import type { Store } from '../../engine/store.ts'
import type { Automation } from '../../automation/automation.ts'

export interface QueuedCommand {
  readonly row: DataRow | KeyspaceRow | ConnectionRow
  readonly args: readonly Buffer[]
}

/** What a connection has under way: a transaction that is sent at once must not overtake a computed command. */
export interface Order {
  readonly isComputing: boolean
  readonly computingStarts: () => void
  readonly computingEnds: () => void
}

interface WatchedKey {
  readonly name: Buffer
  readonly seen: Watched
}

/** What a connection keeps between MULTI and EXEC, and between WATCH and EXEC. */
export class Transaction {
  /** Undefined outside MULTI. */
  queue: QueuedCommand[] | undefined
  /** A command was refused at queue time, so EXEC will be. */
  broken = false
  private watched = new Map<string, WatchedKey>()

  begin(): void {
    this.queue = []
    this.broken = false
  }

  /** Leaves MULTI and forgets what was watched, as EXEC and DISCARD do. */
  end(): void {
    this.queue = undefined
    this.broken = false
    this.unwatch()
  }

  unwatch(): void {
    this.watched = new Map()
  }

  /** Remembers the keys as they are now; one that is watched already stays as it was first seen. */
  async watch(store: Store, automation: Automation, names: readonly Buffer[]): Promise<void> {
    const { watched } = this
    const snapshot = await store.snapshot(automation, names.map((name) => ({ name: Buffer.from(name), extent: 'meta' })))
    for (const [id, { name, live, version }] of snapshot.keys) {
      if (!watched.has(id)) watched.set(id, { name, seen: live ? { version } : { absentAt: Number(snapshot.version) } })
    }
  }

  /**
   * Runs the queue as one write request. A command that fails answers its error and the others go on, as in Redis; the answer is the null
   * array when a watched key was touched. Commands on the connection itself are handled by `onConnection`, after the data is written.
   */
  execute(context: RunContext, order: Order, onConnection: (command: QueuedCommand) => Reply | Promise<Reply>): Promise<Reply> {
    const queue = this.queue ?? []
    const watched = [...this.watched.values()]
    const work = this.workOn(context, queue, watched, order)
    return work.then(async (replies) => {
      if (replies === undefined) return NULL_ARRAY
      const all: Reply[] = []
      for (const [i, command] of queue.entries()) all.push(command.row.kind === 'connection' ? await answered(command, onConnection) : replies[i]!)
      return all
    })
  }

  private workOn(context: RunContext, queue: readonly QueuedCommand[], watched: readonly WatchedKey[], order: Order): Promise<readonly Reply[] | undefined> {
    // Behind a computed command of the connection whatever it does is computed: it waits its turn by that, also when it only publishes.
    if (watched.length > 0 || order.isComputing) return this.compute(context, queue, watched, order)
    if (queue.every(({ row }) => row.kind === 'connection')) return Promise.resolve(queue.map(() => null))
    return runNative(queue, context) ?? this.compute(context, queue, watched, order)
  }

  /** Undefined when a watched key was touched. */
  private compute(context: RunContext, queue: readonly QueuedCommand[], watched: readonly WatchedKey[], order: Order): Promise<readonly Reply[] | undefined> {
    order.computingStarts()
    return new Promise((resolve, reject) => {
      context.store.compute(context.automation, {
        needs: [...queue.flatMap(needsOf), ...watched.map(({ name }): Need => ({ name, extent: 'meta' }))],
        run: (db) => (watched.every(({ name, seen }) => db.untouchedSince(name, seen)) ? queue.map((command) => runQueued(db, command, context)) : undefined),
        done: (error, replies) => {
          order.computingEnds()
          if (error === null) resolve(replies)
          else reject(error)
        },
      })
    })
  }
}

function needsOf({ row, args }: QueuedCommand): Need[] {
  if (row.kind !== 'data') return []
  return keyIndexes(row, args).map((index) => ({ name: args[index]!, extent: row.extent(args, index) }))
}

function runQueued(db: Database, { row, args }: QueuedCommand, context: RunContext): Reply {
  if (row.kind === 'connection') return null
  try {
    return row.run(db, args, context)
  } catch (error) {
    return failure(error as Error)
  }
}

/** As with the other commands, an error is the answer of its command only. */
async function answered(command: QueuedCommand, onConnection: (command: QueuedCommand) => Reply | Promise<Reply>): Promise<Reply> {
  try {
    return await onConnection(command)
  } catch (error) {
    return errorReply(error as Error)
  }
}

/** An error of the command is its answer; anything else (a key to be loaded first) concerns the whole transaction. */
function failure(error: Error): ErrorReply {
  if (error instanceof NotLoaded) throw error
  return errorReply(error)
}
