import { kindOf } from '../../backing/wire.ts'
import type { Subscriber } from '../../backing/subscriber.ts'
import type { DataRow } from '../../commands/registry/row.ts'
import { keyIndexes } from '../../commands/registry/row.ts'
import { type ErrorCode, KvError } from '../../errors/errors.ts'
import { NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import type { Call } from '../../commands/registry/call.ts'
import { errorReply, execute } from '../../commands/execution/execute.ts'
import type { Need } from '../plaintext/snapshot.ts'
import type { Store } from '../store.ts'
import type { Automation } from '../../automation/automation.ts'
import { idOf } from '../plaintext/values.ts'
import { type Entry, type Turn, WaitQueue } from './wait-queue.ts'

/** How long a note that a key is waited for lasts, and how often it is renewed: what a dead process leaves behind is gone in this time. */
const MARK_MS = 9_000
const RENEW_MS = 3_000
/** After a note or a try has failed, everything is done again. */
const RETRY_MS = 100
/** BlockedClients that are tried in one round. */
const MAX_TURNS = 64
const MAX_TIMER_MS = 2 ** 31 - 1

/** The waiting of one client. */
export interface BlockedClient {
  /** False until its first try, the command itself, was in vain. */
  readonly waits: boolean
  /** Ends it with `reply`, but after its first try. False when it had been ended before. */
  end(reply: Reply): boolean
  /** Nothing must be taken for this client any more. */
  abandon(): void
}

interface Queue {
  readonly automation: Automation
  readonly line: WaitQueue
  /** Ids of the keys that were noted since the last renewal. */
  marked: Set<string>
  readonly listener: (name: Buffer) => void
  readonly subscribed: Promise<void>
  serving: boolean
  retry: NodeJS.Timeout | undefined
}

/** What a try led to: an answer, nothing, or that it has to be made again. */
type Outcome = Reply | undefined | typeof AGAIN
const AGAIN = Symbol('again')

/** A Redis that is away will be back, and a crowd will thin out: neither ends a waiting that has begun. */
const PASSING: readonly ErrorCode[] = ['unavailable', 'scripts_lost', 'backing_refused', 'busy']

/**
 * Blocking commands without a connection each. A waiter stands in a line here and its keys are noted in the backing Redis; anyone who leaves
 * data under a noted key, in any process and through either door, publishes its name, and the first blockedClients for it try again, in the
 * order in which they began to wait. The note is made before the first try, so no write in between is missed. What is missed in spite of
 * that (the link was down, a note failed) is made up for by trying again.
 */
export class BlockedClients {
  private readonly store: Store
  private readonly subscriber: Subscriber
  private readonly queues = new Map<string, Queue>()
  private readonly renewal: NodeJS.Timeout
  private places = 0

  constructor(store: Store, subscriber: Subscriber) {
    this.store = store
    this.subscriber = subscriber
    subscriber.onReturn(() => {
      for (const queue of this.queues.values()) this.startOver(queue)
    })
    this.renewal = setInterval(() => this.renew(), RENEW_MS)
    this.renewal.unref()
  }

  close(): void {
    clearInterval(this.renewal)
    for (const queue of this.queues.values()) clearTimeout(queue.retry)
  }

  /** `timeoutMs` 0: without an end; after it the answer is the null array. `done` is called once. */
  wait(call: Call, row: DataRow, args: readonly Buffer[], timeoutMs: number, done: (reply: Reply) => void): BlockedClient {
    // The arguments lie in the chunk that was received, which must not be kept for them.
    const copy = args.map((arg) => Buffer.from(arg))
    const { keys, rival } = row.blocking!
    const entry: Entry = {
      call: { row, args: copy, identity: call.identity, automation: call.automation, store: call.store },
      row,
      args: copy,
      keys: new Map(keys(copy).map((name) => [idOf(name), name])),
      rival: rival(copy),
      place: this.places++,
      finish: done,
      deadline: timeoutMs > 0 ? Date.now() + timeoutMs : Infinity,
      timer: undefined,
      ending: undefined,
      gone: false,
      tried: false,
      isBlocked: false,
      triedAt: 0,
    }
    const queue = this.queueOf(call.automation)
    queue.line.add(entry)
    queue.subscribed.then(
      () => this.enter(queue, entry),
      (error: Error) => {
        if (this.queues.get(call.automation.id) === queue) this.queues.delete(call.automation.id)
        this.leave(queue, entry, errorReply(error))
      },
    )
    return {
      get waits() {
        return entry.isBlocked
      },
      end: (reply) => {
        if (entry.ending !== undefined || !queue.line.entries.has(entry)) return false
        entry.ending = { reply }
        // A try that is on its way may have been applied: its answer counts. So does the first, which is the command itself.
        if (entry.isBlocked && !entry.tried) this.leave(queue, entry, reply)
        return true
      },
      abandon: () => {
        entry.gone = true
        if (!entry.tried) this.leave(queue, entry, NULL_ARRAY)
      },
    }
  }

  private queueOf(automation: Automation): Queue {
    const known = this.queues.get(automation.id)
    if (known !== undefined) return known
    const listener = (name: Buffer): void => {
      queue.line.wake(idOf(name))
      this.serve(queue)
    }
    const queue: Queue = {
      automation,
      line: new WaitQueue(),
      marked: new Set(),
      listener,
      subscribed: this.subscriber.subscribe(automation.wakeChannel, listener),
      serving: false,
      retry: undefined,
    }
    this.queues.set(automation.id, queue)
    return queue
  }

  private enter(queue: Queue, entry: Entry): void {
    if (!queue.line.entries.has(entry)) return
    const unmarked = [...entry.keys].filter(([id]) => !queue.marked.has(id))
    if (unmarked.length > 0) this.mark(queue, new Map(unmarked))
    queue.line.enter(entry)
    this.serve(queue)
  }

  private mark(queue: Queue, keys: ReadonlyMap<string, Buffer>): void {
    for (const id of keys.keys()) queue.marked.add(id)
    this.store.mark(queue.automation, [...keys.values()], MARK_MS, (error) => {
      if (error !== null) this.retrySoon(queue)
    })
  }

  /** The next round, unless one is on its way: it will be followed by this one. */
  private serve(queue: Queue): void {
    if (queue.serving) return
    const turns = queue.line.next(MAX_TURNS)
    if (turns.length === 0) return
    queue.serving = true
    let left = turns.length
    let again = false
    for (const turn of turns) {
      this.attempt(queue, turn, (outcome) => {
        again ||= outcome === AGAIN
        if (--left > 0) return
        queue.serving = false
        if (again) {
          queue.line.rest()
          this.retrySoon(queue)
        }
        this.serve(queue)
      })
    }
  }

  private attempt(queue: Queue, turn: Turn, after: (outcome: Outcome) => void): void {
    const { entry } = turn
    entry.tried = true
    const settle = (outcome: Outcome): void => {
      entry.tried = false
      if (outcome !== AGAIN && !isOver(entry)) queue.line.tried(turn, outcome !== undefined)
      if (outcome !== undefined && outcome !== AGAIN) this.leave(queue, entry, outcome)
      else if (entry.gone || entry.ending !== undefined) this.leave(queue, entry, entry.ending?.reply ?? NULL_ARRAY)
      else if (!entry.isBlocked) this.begin(queue, entry)
      after(outcome)
    }
    try {
      if (entry.row.blocking!.attempt === 'direct') this.attemptDirect(entry, turn.names, settle)
      else this.attemptComputed(entry, turn.names, settle)
    } catch (error) {
      settle(errorReply(error as Error))
    }
  }

  /** In the lane of the automation: those of one round are committed together. */
  private attemptComputed(entry: Entry, names: readonly Buffer[] | undefined, settle: (outcome: Outcome) => void): void {
    const { call, row, args } = entry
    const { attempt } = row.blocking!
    if (attempt === 'direct') return
    this.store.compute<Reply | undefined>(call.automation, {
      needs: keyIndexes(row, args).map((index): Need => ({ name: args[index]!, extent: row.extent(args, index) })),
      run: (db) => (isOver(entry) ? undefined : attempt(db, args, names)),
      done: (error, reply) => settle(error === null ? reply : failed(entry, error)),
    })
  }

  /** Key by key: as in Redis only the first that has something is answered. */
  private attemptDirect(entry: Entry, names: readonly Buffer[] | undefined, settle: (outcome: Outcome) => void): void {
    if (isOver(entry)) {
      settle(undefined)
      return
    }
    const { call, row, args } = entry
    const [name, ...others] = names ?? []
    execute({ ...call, args: name === undefined ? args : row.blocking!.at!(args, name) }, (reply, error) => {
      if (error === undefined && reply !== NULL_ARRAY) settle(reply)
      else if (error !== undefined && name !== undefined && lostItsGround(error)) this.orphan(entry, name, others, settle)
      else if (error !== undefined) settle(failed(entry, error))
      else if (others.length > 0) this.attemptDirect(entry, others, settle)
      else settle(undefined)
    })
  }

  /** What it waits at has gone, or is of another type now. */
  private orphan(entry: Entry, name: Buffer, others: readonly Buffer[], settle: (outcome: Outcome) => void): void {
    const { call, row } = entry
    const { orphan } = row.blocking!
    if (orphan !== undefined) {
      this.store.compute<Reply>(call.automation, {
        needs: [{ name, extent: 'meta' }],
        run: (db) => orphan(db, name),
        done: (error, reply) => settle(error === null ? reply : failed(entry, error)),
      })
    } else if (others.length > 0) {
      this.attemptDirect(entry, others, settle)
    } else {
      settle(undefined)
    }
  }

  /** The first try was in vain. */
  private begin(queue: Queue, entry: Entry): void {
    entry.isBlocked = true
    if (entry.deadline === Infinity) return
    const timeUp = (): void => {
      entry.ending ??= { reply: NULL_ARRAY }
      if (!entry.tried) this.leave(queue, entry, entry.ending.reply)
    }
    entry.timer = setTimeout(timeUp, Math.min(Math.max(0, entry.deadline - Date.now()), MAX_TIMER_MS))
  }

  private leave(queue: Queue, entry: Entry, reply: Reply): void {
    if (!queue.line.delete(entry)) return
    clearTimeout(entry.timer)
    entry.finish(reply)
  }

  /** Renews the notes of the keys that are still waited for. A line that is empty lasts until then: workers come back at once. */
  private renew(): void {
    for (const [id, queue] of this.queues) {
      if (queue.line.entries.size === 0) {
        this.queues.delete(id)
        clearTimeout(queue.retry)
        this.subscriber.unsubscribe(queue.automation.wakeChannel, queue.listener)
        continue
      }
      queue.marked = new Set()
      this.mark(queue, queue.line.keys)
      // A key that expires tells nobody; so they look after it.
      for (const { row, keys } of queue.line.entries) {
        if (row.blocking!.orphan !== undefined) for (const key of keys.keys()) queue.line.wake(key)
      }
      this.serve(queue)
    }
  }

  private retrySoon(queue: Queue): void {
    if (queue.retry !== undefined) return
    queue.retry = setTimeout(() => {
      queue.retry = undefined
      this.startOver(queue)
    }, RETRY_MS)
    queue.retry.unref()
  }

  /** Wakes may have been missed: all keys are noted, and everybody tries. */
  private startOver(queue: Queue): void {
    const { keys } = queue.line
    if (keys.size === 0) return
    this.mark(queue, keys)
    for (const id of keys.keys()) queue.line.wake(id)
    this.serve(queue)
  }
}

const isOver = ({ gone, isBlocked, ending }: Entry): boolean => gone || (isBlocked && ending !== undefined)

const lostItsGround = (error: Error): boolean => ['WRONGTYPE', 'NOGROUP'].includes(kindOf(error) ?? '')

const failed = ({ isBlocked }: Entry, error: Error): Outcome =>
  isBlocked && error instanceof KvError && PASSING.includes(error.code) ? AGAIN : errorReply(error)
