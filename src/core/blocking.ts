import type { Subscriber } from '../backing/subscriber.ts'
import type { DataRow } from '../commands/row.ts'
import { keyIndexes } from '../commands/row.ts'
import { KvError } from '../errors.ts'
import { NULL_ARRAY, type Reply } from '../resp/reply.ts'
import type { Call } from './call.ts'
import { errorReply, execute } from './execute.ts'
import type { Need } from './snapshot.ts'
import type { Store } from './store.ts'
import type { Tenant } from './tenant.ts'
import { idOf } from './values.ts'

/** How long a note that a key is waited for lasts, and how often it is renewed: what a dead process leaves behind is gone in this time. */
const MARK_MS = 9_000
const RENEW_MS = 3_000
/** Waiters that are tried in one round. */
const MAX_CANDIDATES = 64
const MAX_TIMER_MS = 2 ** 31 - 1
/** How long the first try may take beyond the caller's own time. */
const FIRST_TRY_MS = 5_000

/** A client that waits. */
export interface Waiter {
  /** Ends the waiting with `reply`, unless it has been served already. */
  end(reply: Reply): void
}

interface Entry extends Waiter {
  readonly call: Call
  readonly row: DataRow
  readonly args: readonly Buffer[]
  readonly keys: ReadonlyMap<string, Buffer>
  readonly needs: readonly Need[]
  readonly finish: (reply: Reply) => void
  /** Set when the waiting is over: it must not take anything any more. */
  ending: { readonly reply: Reply } | undefined
  /** It is being tried right now. */
  tried: boolean
  /** It has been tried before, so an error of the type of a key no longer concerns it. */
  seasoned: boolean
  /** Its time was over before the first try, which every waiter has. */
  late: boolean
  timer: NodeJS.Timeout | undefined
}

/** Those of one automation who wait, in the order in which they began. */
interface Queue {
  readonly tenant: Tenant
  readonly waiters: Set<Entry>
  /** Ids of keys that may have something. */
  readonly ready: Set<string>
  readonly marked: Map<string, Buffer>
  readonly listener: (name: Buffer) => void
  subscribed: Promise<void>
  serving: boolean
}

/**
 * Blocking commands without a connection each. A waiter stands in a queue here and its keys are noted in the backing Redis; whoever leaves
 * data under a noted key, in any process and through either door, publishes its name, and the first waiters for it try again, in the
 * order in which they began to wait. The note is made before the first try, so no write in between is missed.
 */
export class Waiters {
  private readonly store: Store
  private readonly subscriber: Subscriber
  private readonly queues = new Map<string, Queue>()
  private readonly renewal: NodeJS.Timeout

  constructor(store: Store, subscriber: Subscriber) {
    this.store = store
    this.subscriber = subscriber
    subscriber.onReturn(() => this.renewAll(true))
    this.renewal = setInterval(() => this.renewAll(false), RENEW_MS)
    this.renewal.unref()
  }

  /** How many wait. */
  get size(): number {
    let size = 0
    for (const { waiters } of this.queues.values()) size += waiters.size
    return size
  }

  close(): void {
    clearInterval(this.renewal)
  }

  /** `timeoutMs` 0: without an end; after it the answer is the null array. `done` is called once. */
  wait(call: Call, row: DataRow, args: readonly Buffer[], timeoutMs: number, done: (reply: Reply) => void): Waiter {
    // The arguments lie in the chunk that was received, which must not be kept for them.
    const copy = args.map((arg) => Buffer.from(arg))
    const names = keyIndexes(row, copy).map((index) => copy[index]!)
    const entry: Entry = {
      call: { row, args: copy, identity: call.identity, tenant: call.tenant, store: call.store },
      row,
      args: copy,
      keys: new Map(names.map((name) => [idOf(name), name])),
      needs: keyIndexes(row, copy).map((index) => ({ name: copy[index]!, extent: row.extent(copy, index) })),
      finish: done,
      ending: undefined,
      tried: false,
      seasoned: false,
      late: false,
      timer: undefined,
      end: (reply) => this.end(queue, entry, reply),
    }
    const queue = this.queueOf(call.tenant)
    queue.waiters.add(entry)
    if (timeoutMs > 0) entry.timer = setTimeout(() => this.expire(entry), Math.min(timeoutMs, MAX_TIMER_MS))
    queue.subscribed.then(
      () => this.enter(queue, entry),
      (error: Error) => entry.end(errorReply(error)),
    )
    return entry
  }

  private queueOf(tenant: Tenant): Queue {
    const known = this.queues.get(tenant.id)
    if (known !== undefined) return known
    const listener = (name: Buffer): void => {
      queue.ready.add(idOf(name))
      this.serve(queue)
    }
    const queue: Queue = {
      tenant,
      waiters: new Set(),
      ready: new Set(),
      marked: new Map(),
      listener,
      subscribed: this.subscriber.subscribe(tenant.wakeChannel, listener),
      serving: false,
    }
    this.queues.set(tenant.id, queue)
    return queue
  }

  private enter(queue: Queue, entry: Entry): void {
    const unmarked = [...entry.keys].filter(([id]) => !queue.marked.has(id))
    for (const [id, name] of unmarked) queue.marked.set(id, name)
    if (unmarked.length > 0) this.store.mark(queue.tenant, unmarked.map(([, name]) => name), MARK_MS)
    // The earlier ones at its keys are tried before it.
    for (const id of entry.keys.keys()) queue.ready.add(id)
    this.serve(queue)
  }

  private serve(queue: Queue): void {
    if (queue.serving || queue.ready.size === 0) return
    const candidates: Entry[] = []
    let more = false
    for (const entry of queue.waiters) {
      if (entry.ending !== undefined || ![...entry.keys.keys()].some((id) => queue.ready.has(id))) continue
      if (candidates.length === MAX_CANDIDATES) {
        more = true
        break
      }
      candidates.push(entry)
    }
    const ready = [...queue.ready]
    queue.ready.clear()
    if (candidates.length === 0) return
    queue.serving = true
    let left = candidates.length
    let served = 0
    for (const entry of candidates) {
      this.attempt(queue, entry, (reply) => {
        if (reply !== undefined) served++
        if (--left > 0) return
        queue.serving = false
        // Further waiters may find something only if all before them did.
        if (more && served === candidates.length) for (const id of ready) queue.ready.add(id)
        this.serve(queue)
      })
    }
  }

  /** One try, in the lane of the automation: those of one round are committed together. */
  private attempt(queue: Queue, entry: Entry, after: (reply: Reply | undefined) => void): void {
    const { call, row, args, needs } = entry
    const { attempt } = row.blocking!
    entry.tried = true
    const settle = (reply: Reply | undefined): void => {
      entry.tried = false
      entry.seasoned = true
      if (reply !== undefined) this.leave(queue, entry, reply)
      else if (entry.ending !== undefined) this.leave(queue, entry, entry.ending.reply)
      else if (entry.late) this.leave(queue, entry, NULL_ARRAY)
      after(reply)
    }
    if (attempt === 'direct') {
      execute(call, (reply, error) => settle(reply === NULL_ARRAY ? undefined : error === undefined ? reply : this.failed(entry, error)))
      return
    }
    this.store.compute<Reply | undefined>(queue.tenant, {
      needs,
      run: (db) => (entry.ending === undefined ? attempt(db, args) : undefined),
      done: (error, reply) => settle(error === null ? reply : this.failed(entry, error)),
    })
  }

  /** What an error means to a waiter: undefined when it goes on waiting. */
  private failed(entry: Entry, error: Error): Reply | undefined {
    if (entry.seasoned && error instanceof KvError) {
      // Another type under the key serves other waiters; a Redis that is away will be back.
      if (error.code === 'wrong_type' || error.code === 'unavailable' || error.code === 'backing_refused') return undefined
    }
    return errorReply(error)
  }

  /** However short the time is, what is there already is taken, as in Redis. */
  private expire(entry: Entry): void {
    if (entry.seasoned || entry.late) {
      entry.end(NULL_ARRAY)
      return
    }
    entry.late = true
    entry.timer = setTimeout(() => this.expire(entry), FIRST_TRY_MS)
  }

  private end(queue: Queue, entry: Entry, reply: Reply): void {
    if (entry.ending !== undefined || !queue.waiters.has(entry)) return
    entry.ending = { reply }
    // A try that is on its way may have been applied: its answer counts.
    if (!entry.tried) this.leave(queue, entry, reply)
  }

  private leave(queue: Queue, entry: Entry, reply: Reply): void {
    if (!queue.waiters.delete(entry)) return
    clearTimeout(entry.timer)
    entry.finish(reply)
    if (queue.waiters.size > 0) return
    this.queues.delete(queue.tenant.id)
    this.subscriber.unsubscribe(queue.tenant.wakeChannel, queue.listener)
  }

  /** Renews the notes of the keys that are still waited for; `missed`: the link was away, so everybody tries again. */
  private renewAll(missed: boolean): void {
    for (const queue of this.queues.values()) {
      queue.marked.clear()
      for (const { keys } of queue.waiters) for (const [id, name] of keys) queue.marked.set(id, name)
      if (queue.marked.size === 0) continue
      this.store.mark(queue.tenant, [...queue.marked.values()], MARK_MS)
      if (!missed) continue
      for (const id of queue.marked.keys()) queue.ready.add(id)
      this.serve(queue)
    }
  }
}
