import { type LibraryNeeds, mergeLibraryNeeds } from '../../engine/libraries/library.ts'
import { MustCompute } from '../../engine/notifications/event-settings.ts'
import { NeedsThread } from '../../engine/optimistic/needs-thread.ts'
import type { Database, Watched } from '../../engine/plaintext/database.ts'
import type { Need } from '../../engine/plaintext/extent.ts'
import { NotLoaded, ReadFailed } from '../../engine/plaintext/not-loaded.ts'
import { KvError } from '../../errors/errors.ts'
import type { RunContext, ServiceContext } from '../../registry/context.ts'
import { type ConnectionRow, type DataRow, isComputed, type KeyspaceRow } from '../../registry/row.ts'
import { runRow } from '../../registry/run-row.ts'
import { NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import type { ConnectionTransaction } from '../../session/connection-transaction.ts'
import type { Session } from '../../session/session.ts'
import { errorReply } from './error-reply.ts'
import { runNative } from './native-transaction.ts'
import { needsOf } from './needs.ts'
import type { QueuedCommand } from './queued-command.ts'
import { remoteTransaction } from './remote-jobs.ts'

/**
 * What a connection has under way: a transaction that is sent at once must not overtake a computed command.
 */
export interface Order {
  readonly isComputing: boolean
  /** See CommandOrder. */
  readonly ordinal: number
  readonly mayStillCompute: (ordinal: number) => boolean
  readonly computingStarts: (inPlace?: boolean) => void
  readonly computingEnds: () => void
}

/** What the process keeps of an argument and of a command, beside their bytes. */
export const ARGUMENT_BYTES = 112
export const COMMAND_BYTES = 256

interface WatchedKey {
  readonly name: Buffer
  readonly seen: Watched
}

/** What a connection keeps between MULTI and EXEC, and between WATCH and EXEC. */
export class Transaction implements ConnectionTransaction {
  broken = false
  private readonly session: Session
  private readonly order: Order
  private queue: QueuedCommand[] | undefined
  /** Counted for the queue, and for what is watched. */
  private queueBytes = 0
  private watchedBytes = 0
  private watched = new Map<string, WatchedKey>()

  constructor(session: Session, order: Order) {
    this.session = session
    this.order = order
  }

  get queued(): number | undefined {
    return this.queue?.length
  }

  get queuedRows(): readonly QueuedCommand['row'][] {
    return this.queue?.map(({ row }) => row) ?? []
  }

  get queuedCommands(): readonly QueuedCommand[] {
    return this.queue ?? []
  }

  get queuedBytes(): number {
    return this.queueBytes
  }

  begin(): void {
    this.queue = []
    this.broken = false
  }

  /** The arguments lie in the chunk that was received, which must not be kept for them. */
  enqueue(row: DataRow | KeyspaceRow | ConnectionRow, args: readonly Buffer[]): void {
    // It is not run any more, so it need not be kept.
    if (this.broken) return
    const bytes = args.reduce((sum, { length }) => sum + length + ARGUMENT_BYTES, COMMAND_BYTES)
    try {
      this.session.memory.take(bytes)
    } catch (error) {
      this.forgetQueue()
      throw error
    }
    this.queueBytes += bytes
    this.queue!.push({ row, args: args.map((arg) => Buffer.from(arg)) })
  }

  end(): void {
    this.forgetQueue()
    this.queue = undefined
    this.broken = false
    this.unwatch()
  }

  private forgetQueue(): void {
    this.session.memory.give(this.queueBytes)
    this.queueBytes = 0
    if (this.queue !== undefined) this.queue = []
  }

  unwatch(): void {
    this.session.memory.give(this.watchedBytes)
    this.watchedBytes = 0
    this.watched = new Map()
  }

  async watch(names: readonly Buffer[]): Promise<void> {
    const { watched } = this
    const { context, automation, memory } = this.session
    const bytes = names.reduce((sum, { length }) => sum + length + COMMAND_BYTES, 0)
    memory.take(bytes)
    this.watchedBytes += bytes
    const snapshot = await context.store.snapshot(
      automation!,
      names.map((name) => ({ name: Buffer.from(name), extent: 'meta' })),
    )
    for (const [id, { name, live, version }] of snapshot.keys) {
      if (!watched.has(id))
        watched.set(id, { name, seen: live ? { version } : { absentAt: Number(snapshot.version) } })
    }
  }

  /**
   * A command that fails answers its error and the others go on, as in Redis. Those on the connection itself
   * come after the data is written.
   */
  async execute(): Promise<Reply> {
    const { session, queue = [] } = this
    const context: ServiceContext = {
      identity: session.identity!,
      automation: session.automation!,
      services: session.context,
      protocol: session.protocol,
      wrote: session.tracking?.wrote,
      traced: session.tracing,
    }
    const replies = await this.run(context, queue, [...this.watched.values()])
    if (replies === undefined) return NULL_ARRAY
    const all: Reply[] = []
    for (const [i, { row, args }] of queue.entries())
      all.push(isComputed(row) ? replies[i]! : await this.handled(row, args))
    return all
  }

  /** Undefined when a watched key was touched. */
  private run(
    context: ServiceContext,
    queue: readonly QueuedCommand[],
    watched: readonly WatchedKey[],
  ): Promise<readonly Reply[] | undefined> {
    // Behind a computed command of the connection whatever it does is computed: it waits its turn by that.
    if (watched.length > 0 || this.order.isComputing) return this.compute(context, queue, watched)
    if (!queue.some(({ row }) => isComputed(row))) return Promise.resolve(queue.map(() => null))
    // Its own, which begins when this has returned.
    const ordinal = this.order.ordinal + 1
    return (
      runNative(queue, context)?.catch((error: Error) => {
        if (!(error instanceof MustCompute)) throw error
        if (!this.order.mayStillCompute(ordinal)) throw new KvError('events_changed')
        return this.compute(context, queue, watched, true)
      }) ?? this.compute(context, queue, watched)
    )
  }

  private compute(
    context: ServiceContext,
    queue: readonly QueuedCommand[],
    watched: readonly WatchedKey[],
    inPlace = false,
  ): Promise<readonly Reply[] | undefined> {
    const { order } = this
    order.computingStarts(inPlace)
    return new Promise((resolve, reject) => {
      context.services.store.compute(context.automation, {
        needs: [
          ...needsOfAll(queue, context),
          ...watched.map(({ name }): Need => ({ name, extent: 'meta' })),
        ],
        run: (db) =>
          watched.every(({ name, seen }) => db.untouchedSince(name, seen))
            ? queue.map((command) => runQueued(db, command, context))
            : undefined,
        remote: remoteTransaction(context, queue, watched),
        isTraced: context.traced !== undefined,
        traced: context.traced,
        info: () => context.services.info(context.automation),
        libraries: librariesOf(queue),
        done: (error, replies, written) => {
          if (written.changed) context.wrote?.(written.version)
          order.computingEnds()
          if (error === null) resolve(replies)
          else reject(error)
        },
      })
    })
  }

  /** As with the other commands, an error is the answer of its command only. */
  private async handled(row: ConnectionRow, args: readonly Buffer[]): Promise<Reply> {
    try {
      const reply = row.handle(this.session, args)
      // CLIENT CACHING among them was for what was read with it.
      this.session.tracking?.forgetCaching()
      return (await reply) ?? null
    } catch (error) {
      return errorReply(error as Error, this.session.context.report)
    }
  }
}

const librariesOf = (queue: readonly QueuedCommand[]): LibraryNeeds | undefined =>
  mergeLibraryNeeds(queue.map(({ row, args }) => row.libraries?.(args)))

const needsOfAll = (queue: readonly QueuedCommand[], context: ServiceContext): Need[] =>
  queue.flatMap(({ row, args }) => (row.kind === 'data' ? needsOf(row, args, context) : []))

/**
 * An error of the command is its answer; anything else (a key to be loaded first) concerns the whole
 * transaction.
 */
export function runQueued(db: Database, { row, args }: QueuedCommand, context: RunContext): Reply {
  if (!isComputed(row)) return null
  try {
    return runRow(row, db, args, () => row.run(db, args, context))
  } catch (error) {
    if (error instanceof NotLoaded || error instanceof NeedsThread || error instanceof ReadFailed) throw error
    return errorReply(error as Error, context.services.report)
  }
}
