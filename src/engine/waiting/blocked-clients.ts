import type { Automation } from '../../automation/automation.ts'
import type { MessageBus } from '../../backing/backing.ts'
import { type ErrorCode, KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { LIVENESS } from '../../lib/liveness.ts'
import { MAX_TIMER_MS } from '../../lib/timers.ts'
import type { Store } from '../store.ts'
import { type Turn, type WaitEntry, WaitQueue } from './wait-queue.ts'

/** After a note or a try has failed, everything is done again. */
const RETRY_MS = 100
/** Waiters that are tried in one batch. */
const MAX_TURNS = 64

/** Different keys that clients of one automation wait at in this process. */
const MAX_KEYS = 10_000

/** What a try led to: an error, an answer, or nothing (undefined). */
export type Settle<A> = (error: Error | null, answer: A | undefined) => void

/** What a client waits for. */
export interface WaitRequest<A> {
  readonly automation: Automation
  /** The keys that it waits at. */
  readonly keys: readonly Buffer[]
  /** See WaitEntry. */
  readonly competition: string | undefined
  /** Milliseconds, 0 without an end. */
  readonly timeoutMs: number
  /** The answer when the time is over. */
  readonly timedOut: A
  /** It must notice that a key has gone, so it is tried at each renewal: a key that expires tells nobody. */
  readonly triedAtRenewal: boolean
  /**
   * Tries at these keys in this order, or for the first time at all of them (undefined), and settles once.
   * `isOver` tells whether nothing must be taken any more.
   */
  readonly attempt: (names: readonly Buffer[] | undefined, isOver: () => boolean, settle: Settle<A>) => void
  /** Called once. */
  readonly done: (error: Error | null, answer: A) => void
}

/** The waiting of one client. */
export interface BlockedClient<A> {
  /** False until its first try, the command itself, was in vain. */
  readonly waits: boolean
  /** Ends it with `answer`, but after its first try. False when it had been ended before. */
  end(answer: A): boolean
  /** Nothing must be taken for this client any more. */
  abandon(): void
}

interface Entry<A> extends WaitEntry {
  readonly request: WaitRequest<A>
  /** When its time is over, milliseconds since the epoch; Infinity: never. */
  readonly deadline: number
  timer: NodeJS.Timeout | undefined
  /** Set when the waiting is over: after its first try it must not take anything any more. */
  ending: { readonly answer: A } | undefined
  /** Nobody is there any more: it must not take anything at all. */
  gone: boolean
  /** It is being tried right now. */
  tried: boolean
}

interface Waiting<A> {
  readonly automation: Automation
  readonly queue: WaitQueue<Entry<A>>
  /** Ids of the keys that were noted since the last renewal. */
  marked: Set<string>
  readonly listener: (name: Buffer) => void
  readonly subscribed: Promise<void>
  serving: boolean
  retry: NodeJS.Timeout | undefined
}

/** A Redis that is away will be back, and a crowd will thin out: neither ends a waiting that has begun. */
const PASSING: readonly ErrorCode[] = ['unavailable', 'scripts_lost', 'backing_refused', 'busy']

/**
 * Blocking commands without a connection each. A client that waits is queued here and its keys are noted in
 * the backing Redis; every write that leaves data under a noted key, in any process and through either door,
 * publishes its name, and the first clients that wait for it try again, in the order in which they began to
 * wait. The note is made before the first try, so no write in between is missed. What is missed in spite of
 * that (the link was down, a note failed) is made up for by trying again.
 */
export class BlockedClients<A> {
  private readonly store: Store
  private readonly bus: MessageBus
  private readonly waiting = new Map<string, Waiting<A>>()
  private readonly renewal: NodeJS.Timeout
  private positions = 0

  constructor(store: Store, bus: MessageBus) {
    this.store = store
    this.bus = bus
    bus.onReturn(() => {
      for (const waiting of this.waiting.values()) this.startOver(waiting)
    })
    this.renewal = setInterval(() => this.renew(), LIVENESS.renewMs)
    this.renewal.unref()
  }

  close(): void {
    clearInterval(this.renewal)
    for (const waiting of this.waiting.values()) clearTimeout(waiting.retry)
  }

  wait(request: WaitRequest<A>): BlockedClient<A> {
    const entry: Entry<A> = {
      request,
      keys: new Map(request.keys.map((name) => [idOf(name), name])),
      competition: request.competition,
      position: this.positions++,
      deadline: request.timeoutMs > 0 ? Date.now() + request.timeoutMs : Infinity,
      timer: undefined,
      ending: undefined,
      gone: false,
      tried: false,
      isBlocked: false,
      triedAt: 0,
    }
    const { automation, timedOut } = request
    const waiting = this.waitingOf(automation)
    this.checkKeys(waiting, entry)
    waiting.queue.add(entry)
    waiting.subscribed.then(
      () => this.enter(waiting, entry),
      (error: Error) => {
        if (this.waiting.get(automation.id) === waiting) this.waiting.delete(automation.id)
        this.leave(waiting, entry, error, timedOut)
      },
    )
    return {
      get waits() {
        return entry.isBlocked
      },
      end: (answer) => {
        if (entry.ending !== undefined || !waiting.queue.entries.has(entry)) return false
        entry.ending = { answer }
        // A try that is on its way may have been applied: its answer counts. So does the first, which is the
        // command itself.
        if (entry.isBlocked && !entry.tried) this.leave(waiting, entry, null, answer)
        return true
      },
      abandon: () => {
        entry.gone = true
        if (!entry.tried) this.leave(waiting, entry, null, timedOut)
      },
    }
  }

  /** Throws `automation_blocked_keys`. */
  private checkKeys({ queue }: Waiting<A>, { keys }: Entry<A>): void {
    const used = queue.keysWith(keys)
    if (used > MAX_KEYS)
      throw new KvError('automation_blocked_keys', { used: String(used), allowed: String(MAX_KEYS) })
  }

  private waitingOf(automation: Automation): Waiting<A> {
    const known = this.waiting.get(automation.id)
    if (known !== undefined) return known
    const listener = (name: Buffer): void => {
      waiting.queue.wake(idOf(name))
      this.serve(waiting)
    }
    const waiting: Waiting<A> = {
      automation,
      queue: new WaitQueue(),
      marked: new Set(),
      listener,
      subscribed: this.bus.subscribe(automation, automation.wakeChannel, listener),
      serving: false,
      retry: undefined,
    }
    this.waiting.set(automation.id, waiting)
    return waiting
  }

  private enter(waiting: Waiting<A>, entry: Entry<A>): void {
    if (!waiting.queue.entries.has(entry)) return
    const unmarked = [...entry.keys].filter(([id]) => !waiting.marked.has(id))
    if (unmarked.length > 0) this.mark(waiting, new Map(unmarked))
    waiting.queue.enter(entry)
    this.serve(waiting)
  }

  private mark(waiting: Waiting<A>, keys: ReadonlyMap<string, Buffer>): void {
    for (const id of keys.keys()) waiting.marked.add(id)
    this.store.mark(waiting.automation, [...keys.values()], LIVENESS.lastsMs, (error) => {
      if (error !== null) this.retrySoon(waiting)
    })
  }

  /** The next tries, unless some are on their way: they will be followed by these. */
  private serve(waiting: Waiting<A>): void {
    if (waiting.serving) return
    const turns = waiting.queue.next(MAX_TURNS)
    if (turns.length === 0) return
    waiting.serving = true
    let left = turns.length
    let again = false
    for (const turn of turns) {
      this.attempt(waiting, turn, (hasToTryAgain) => {
        again ||= hasToTryAgain
        if (--left > 0) return
        waiting.serving = false
        if (again) {
          waiting.queue.rest()
          this.retrySoon(waiting)
        }
        this.serve(waiting)
      })
    }
  }

  private attempt(waiting: Waiting<A>, turn: Turn<Entry<A>>, after: (hasToTryAgain: boolean) => void): void {
    const { entry, names } = turn
    entry.tried = true
    const settle: Settle<A> = (error, answer) => {
      entry.tried = false
      const again =
        error !== null && entry.isBlocked && error instanceof KvError && PASSING.includes(error.code)
      const found = error !== null || answer !== undefined
      if (!again && !isOver(entry)) waiting.queue.tried(turn, found)
      if (found && !again) this.leave(waiting, entry, error, answer ?? entry.request.timedOut)
      else if (entry.gone || entry.ending !== undefined)
        this.leave(waiting, entry, null, entry.ending?.answer ?? entry.request.timedOut)
      else if (!entry.isBlocked) this.begin(waiting, entry)
      after(again)
    }
    try {
      entry.request.attempt(names, () => isOver(entry), settle)
    } catch (error) {
      settle(error as Error, undefined)
    }
  }

  /** The first try was in vain. */
  private begin(waiting: Waiting<A>, entry: Entry<A>): void {
    entry.isBlocked = true
    if (entry.deadline === Infinity) return
    const timeUp = (): void => {
      entry.ending ??= { answer: entry.request.timedOut }
      if (!entry.tried) this.leave(waiting, entry, null, entry.ending.answer)
    }
    entry.timer = setTimeout(timeUp, Math.min(Math.max(0, entry.deadline - Date.now()), MAX_TIMER_MS))
  }

  private leave(waiting: Waiting<A>, entry: Entry<A>, error: Error | null, answer: A): void {
    if (!waiting.queue.delete(entry)) return
    clearTimeout(entry.timer)
    entry.request.done(error, answer)
  }

  /**
   * Renews the notes of the keys that are still waited for. A queue that is empty lasts until then: workers
   * come back at once.
   */
  private renew(): void {
    for (const [id, waiting] of this.waiting) {
      const { queue } = waiting
      if (queue.entries.size === 0) {
        this.waiting.delete(id)
        clearTimeout(waiting.retry)
        this.bus.unsubscribe(waiting.automation, waiting.automation.wakeChannel, waiting.listener)
        continue
      }
      waiting.marked = new Set()
      this.mark(waiting, queue.keys)
      for (const { request, keys } of queue.entries) {
        if (request.triedAtRenewal) for (const key of keys.keys()) queue.wake(key)
      }
      this.serve(waiting)
    }
  }

  private retrySoon(waiting: Waiting<A>): void {
    if (waiting.retry !== undefined) return
    waiting.retry = setTimeout(() => {
      waiting.retry = undefined
      this.startOver(waiting)
    }, RETRY_MS)
    waiting.retry.unref()
  }

  /** Wakes may have been missed: all keys are noted, and everybody tries. */
  private startOver(waiting: Waiting<A>): void {
    const { keys } = waiting.queue
    if (keys.size === 0) return
    this.mark(waiting, keys)
    for (const id of keys.keys()) waiting.queue.wake(id)
    this.serve(waiting)
  }
}

const isOver = <A>({ gone, isBlocked, ending }: Entry<A>): boolean =>
  gone || (isBlocked && ending !== undefined)
