import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { COMMIT, LIST_KEYS, SNAPSHOT } from '../../backing/scripts.ts'
import { KvError } from '../../errors/errors.ts'
import { isFinal } from '../idempotency/idempotency-record.ts'
import { KeptOutcomes } from '../idempotency/kept-outcomes.ts'
import { Database, type KeyState } from '../plaintext/database.ts'
import { extentArgs, mergeNeeds, type Need } from '../plaintext/extent.ts'
import { idOf } from '../plaintext/id.ts'
import { NotLoaded } from '../plaintext/not-loaded.ts'
import { LoadedSnapshot, type Snapshot } from '../plaintext/snapshot.ts'
import { quotaArgs, quotaExceeded } from '../quota.ts'
import { chargeKind } from '../writes/charge-kind.ts'
import { NOTHING_WRITTEN, type Written } from '../writes/written.ts'
import { changesOf } from './changes.ts'
import type { Job, JobEnvironment, QueuedJob } from './job.ts'
import { hasStreamCounters } from './stream-changes.ts'

interface Outcome {
  readonly job: Job<unknown>
  readonly error: Error | null
  readonly result: unknown
  /**
   * How many write requests of the batch there were when it was through: one more than before if it changed
   * something.
   */
  readonly requests: number
  readonly created: number
  /** It is that of an earlier request, which left this behind. */
  readonly earlier?: Written
}

/**
 * When the jobs of a round took this long to compute, the others wait for the next one: scripts, and long
 * values, are slow.
 */
const MAX_COMPUTE_MS = 25

/** How long a retry gets the first outcome. */
const RECEIPT_LIFETIME_MS = 24 * 60 * 60 * 1_000

/** One round of a queue: snapshot, compute, commit, and again on a conflict. */
/** What becomes of a batch. */
export interface BatchEvents {
  /** Every job that was not postponed is answered. */
  readonly finished: () => void
  /** These come first in the next batch. */
  readonly postpone: (rest: readonly QueuedJob[]) => void
}

export class JobBatch {
  private readonly environment: JobEnvironment
  private batch: QueuedJob[]
  private readonly events: BatchEvents
  private needs: Need[] = []
  /** Keys that the jobs turned out to look at. */
  private discovered: readonly Need[] = []
  private allNames = false
  /**
   * The automation's version when all names were read; a snapshot of another version does not have them all.
   */
  private namesVersion = ''
  private readonly earlier: KeptOutcomes
  private conflicts = 0
  /** It has been tried with what the cache holds. */
  private cacheTried = false

  constructor(environment: JobEnvironment, batch: QueuedJob[], events: BatchEvents) {
    this.environment = environment
    this.batch = batch
    this.events = events
    this.earlier = new KeptOutcomes(environment.automation, environment.backing)
  }

  start(): void {
    this.earlier.read(this.batch.flatMap(({ job }) => job.idempotency ?? []))
    if (this.allNames) this.readNames()
    else if (!this.computeFromCache()) this.readKeys([])
  }

  /** Computes from what is remembered; false when that does not suffice. */
  private computeFromCache(): boolean {
    if (
      this.cacheTried ||
      this.batch.some(({ job }) => job.ifVersion !== undefined || job.idempotency !== undefined)
    )
      return false
    this.cacheTried = true
    const needs = mergeNeeds(this.batch.flatMap(({ job }) => job.needs))
    const snapshot = this.environment.writeCache.lookUp(this.environment.automation, needs)
    if (snapshot === undefined) return false
    this.needs = needs
    this.guarded(() => this.compute(snapshot))
    return true
  }

  private readNames(): void {
    const { automation } = this.environment
    this.environment.backing.read(
      this.environment.automation,
      ['GET', automation.versionKey],
      (error, version) => {
        if (error === null)
          this.namesVersion = version === null ? '0' : (version as Buffer).toString('latin1')
      },
    )
    this.environment.backing.script(
      this.environment.automation,
      LIST_KEYS,
      false,
      [2, automation.versionKey, automation.indexKey, automation.prefix.length],
      (error, reply) => {
        if (error !== null) this.fail(error)
        else this.readKeys((reply as Buffer[]).filter((_, i) => i % 2 === 0))
      },
    )
  }

  private readKeys(names: readonly Buffer[]): void {
    const asked = this.batch.flatMap(({ job }) => job.needs)
    this.needs = mergeNeeds([
      ...asked,
      ...this.discovered,
      ...names.map((name): Need => ({ name, extent: 'meta' })),
    ])
    this.environment.backing.script(
      this.environment.automation,
      SNAPSHOT,
      false,
      [...this.keys(), ...extentArgs(this.needs, this.environment.automation)],
      (error, reply) => {
        if (error !== null) this.fail(error)
        else this.guarded(() => this.compute(this.loaded(reply as BackingReply[])))
      },
    )
  }

  /** A programming error must cost the requests of this round, never the process or the queue. */
  private guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  private loaded(reply: readonly BackingReply[]): Snapshot {
    return new LoadedSnapshot(this.environment.automation, this.needs, reply, this.allNames)
  }

  private compute(snapshot: Snapshot): void {
    try {
      this.computeFrom(snapshot)
    } catch (error) {
      if (!(error instanceof NotLoaded)) throw error
      if (error.needs === 'all-names') this.allNames = true
      else this.discovered = [...this.discovered, ...error.needs]
      this.start()
    }
  }

  private computeFrom(snapshot: Snapshot): void {
    if (this.allNames && snapshot.version !== this.namesVersion) {
      this.again()
      return
    }
    const db = new Database(snapshot, this.environment.limits)
    const outcomes: Outcome[] = []
    const begun = new Set<string>()
    let requests = 0
    let versioned = false
    const late = performance.now() + MAX_COMPUTE_MS
    for (const { job } of this.batch) {
      const earlier = this.earlier.of(job.idempotency)
      if (earlier === undefined) {
        // Two requests with one idempotency key: the second one finds in the next batch what the first one
        // leaves.
        const id = job.idempotency?.ids[0]
        if (id !== undefined && begun.has(id)) break
        if (id !== undefined) begun.add(id)
        const outcome = this.runJob(db, job, snapshot, requests)
        versioned ||= job.ifVersion !== undefined
        requests = outcome.requests
        outcomes.push(outcome)
      } else {
        const { written, ...outcome } = earlier
        outcomes.push({ job, ...outcome, requests, earlier: written })
      }
      if (performance.now() > late) break
    }
    if (outcomes.length < this.batch.length) this.events.postpone(this.batch.splice(outcomes.length))
    if (requests === 0 && !outcomes.some(leavesOutcome)) {
      // Nothing to be committed would show whether it was right.
      if (snapshot.fromCache) this.readKeys([])
      else this.finish(outcomes, Number(snapshot.version), snapshot.now)
      return
    }
    this.commit(db, snapshot, outcomes, requests, versioned || this.allNames ? snapshot.version : '')
  }

  private runJob(db: Database, job: Job<unknown>, snapshot: Snapshot, requestsBefore: number): Outcome {
    db.beginJob(requestsBefore)
    try {
      if (job.ifVersion !== undefined) {
        const actual = Number(snapshot.version) + requestsBefore
        if (job.ifVersion !== actual)
          throw new KvError('version_mismatch', undefined, {
            expected_version: job.ifVersion,
            actual_version: actual,
          })
      }
      const result = job.run(db)
      return { job, error: null, result, requests: requestsBefore + Number(db.changed), created: db.created }
    } catch (error) {
      if (error instanceof NotLoaded) throw error
      db.rollback()
      return { job, error: error as Error, result: undefined, requests: requestsBefore, created: 0 }
    }
  }

  private commit(
    db: Database,
    snapshot: Snapshot,
    outcomes: readonly Outcome[],
    requests: number,
    ifVersion: string,
  ): void {
    const { automation, backing, limits } = this.environment
    const ordinals = new Map(this.needs.map((need, i) => [idOf(need.name), i + 3]))
    const guards: BackingArg[] = []
    for (const [id, stored] of snapshot.keys) guards.push(ordinals.get(id)!, stored.guard)
    const operations: BackingArg[] = []
    const changes: BackingArg[] = []
    let operationCount = 0
    const changed = db.changedKeys()
    for (const state of changed) {
      const ordinal = ordinals.get(idOf(state.name))!
      for (const [command, ...args] of changesOf(
        automation,
        snapshot.keys.get(idOf(state.name))!,
        state,
        hasStreamCounters(backing.version),
      )) {
        operationCount++
        operations.push(args.length + 3, ordinal, chargeKind(command), command, ...args)
      }
      changes.push(
        ordinal,
        state.changedBy + 1,
        state.value === undefined ? '' : state.expireAt,
        state.fresh ? 1 : 0,
      )
    }
    const outcomesToKeep = outcomes.filter(leavesOutcome)
    // Not by pushing them: a function takes no hundred thousand arguments.
    const args: BackingArg[] = [
      ...[...this.keys(), ...quotaArgs(limits), ifVersion, requests, guards.length / 2, ...guards],
      ...[
        operationCount,
        ...operations,
        changed.length,
        ...changes,
        outcomesToKeep.length,
        ...outcomesToKeep.flatMap(outcomeArgs),
      ],
      ...extentArgs(this.needs, automation),
    ]
    backing.script(automation, COMMIT, true, args, (error, reply) => {
      if (error !== null) this.fail(error)
      else this.guarded(() => this.committed(reply as BackingReply[], outcomes, requests, changed, snapshot))
    })
  }

  private committed(
    reply: readonly BackingReply[],
    outcomes: readonly Outcome[],
    requests: number,
    changed: readonly KeyState[],
    snapshot: Snapshot,
  ): void {
    switch (reply[0]) {
      case 1: {
        const [before, now] = [(reply[1] as number) - requests, Number(reply[2])]
        for (const state of changed)
          this.environment.writeCache.note(
            this.environment.automation,
            snapshot.keys.get(idOf(state.name))!,
            state,
            before + state.changedBy + 1,
            now,
          )
        this.finish(outcomes, before, now)
        break
      }
      case 2:
        this.refuseQuota(quotaExceeded(reply.slice(1)))
        break
      case 3:
        this.again()
        break
      default:
        // That what was remembered was old is no sign of a struggle.
        if (snapshot.fromCache) this.compute(this.loaded(reply.slice(1)))
        else if (this.refuseLate()) this.retry(reply.slice(1))
    }
  }

  /** The quota is reached: each job alone will show which ones were too many. */
  private refuseQuota(refusal: KvError): void {
    if (this.batch.length === 1) {
      this.fail(refusal)
      return
    }
    const next = (i: number): void => {
      if (i === this.batch.length) this.events.finished()
      else
        new JobBatch(this.environment, [this.batch[i]!], {
          ...this.events,
          finished: () => next(i + 1),
        }).start()
    }
    next(0)
  }

  /**
   * Most conflicts are over at once; when they repeat, jitter keeps processes from meeting again and again.
   */
  private retry(current: readonly BackingReply[]): void {
    if (this.conflicts < 3 && !this.allNames) this.guarded(() => this.compute(this.loaded(current)))
    else setTimeout(() => this.start(), Math.random() * Math.min(2 ** this.conflicts, 64))
  }

  private again(): void {
    if (this.refuseLate()) this.start()
  }

  /** Counts a conflict and gives up the jobs whose time is over; false when none is left. */
  private refuseLate(): boolean {
    this.conflicts++
    const now = Date.now()
    const late = this.batch.filter(({ deadline }) => deadline <= now)
    if (late.length > 0) {
      this.batch = this.batch.filter(({ deadline }) => deadline > now)
      for (const { job } of late) this.answer(job, new KvError('busy'), undefined, NOTHING_WRITTEN)
      if (this.batch.length === 0) {
        this.events.finished()
        return false
      }
    }
    return true
  }

  private finish(outcomes: readonly Outcome[], versionBefore: number, now: number): void {
    for (const { job, error, result, requests, created, earlier } of outcomes) {
      this.answer(job, error, result, earlier ?? { version: versionBefore + requests, now, created })
    }
    this.events.finished()
  }

  private fail(error: Error): void {
    for (const { job } of this.batch) this.answer(job, error, undefined, NOTHING_WRITTEN)
    this.events.finished()
  }

  /**
   * What goes wrong in a caller with its outcome is no other caller's: nobody may be answered twice for it.
   */
  private answer(job: Job<unknown>, error: Error | null, result: unknown, written: Written): void {
    try {
      job.done(error, result, written)
    } catch (fault) {
      this.environment.report(fault as Error)
    }
  }

  private keys(): BackingArg[] {
    const { needs } = this
    const { automation } = this.environment
    return [
      needs.length + 2,
      automation.versionKey,
      automation.indexKey,
      ...needs.map(({ name }) => automation.key(name)),
      automation.prefix.length,
    ]
  }
}

const leavesOutcome = ({ job, error, earlier }: Outcome): boolean =>
  job.idempotency !== undefined && earlier === undefined && isFinal(error)

/** See commit.lua. */
const outcomeArgs = ({ job, error, result, requests, created }: Outcome): BackingArg[] => {
  const { ids } = job.idempotency!
  return [
    requests,
    RECEIPT_LIFETIME_MS,
    job.idempotency!.seal({ error: error as KvError | null, result, created }),
    ids.length,
    ...ids,
  ]
}
