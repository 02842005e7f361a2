import type { Backing, BackingArg, BackingReply } from '../backing/redis.ts'
import { COMMIT, KEYS, SNAPSHOT } from '../backing/scripts.ts'
import { KvError } from '../errors.ts'
import { changesOf } from './changes.ts'
import { Db, type Slot } from './db.ts'
import { EarlierOutcomes } from './earlier-outcomes.ts'
import { reportFault } from './faults.ts'
import { type Job, type LaneLimits, NOTHING_WRITTEN, type QueuedJob, type Written } from './job.ts'
import { NotLoaded } from './not-loaded.ts'
import { isFinal } from './receipt.ts'
import type { Recollection } from './recollection.ts'
import { extentArgs, mergeNeeds, type Need, LoadedSnapshot, type Snapshot } from './snapshot.ts'
import type { Tenant } from './tenant.ts'
import { idOf } from './values.ts'

interface Outcome {
  readonly job: Job<unknown>
  readonly error: Error | null
  readonly result: unknown
  /** How many write requests of the batch there were when it was through: one more than before if it changed something. */
  readonly requests: number
  readonly created: number
  /** It is that of an earlier request, which left this behind. */
  readonly earlier?: Written
}

/** When the jobs of a round took this long to compute, the others wait for the next one: scripts, and long values, are slow. */
const MAX_COMPUTE_MS = 25

/** How long a retry gets the first outcome. */
const RECEIPT_LIFETIME_MS = 24 * 60 * 60 * 1_000

/** One round of a lane: snapshot, compute, commit, and again on a conflict. */
export class Round {
  private readonly tenant: Tenant
  private readonly backing: Backing
  private readonly recollection: Recollection
  private readonly limits: LaneLimits
  private batch: QueuedJob[]
  private readonly finished: () => void
  private readonly postpone: (rest: QueuedJob[]) => void
  private needs: Need[] = []
  /** Keys that the jobs turned out to look at. */
  private discovered: readonly Need[] = []
  private allNames = false
  /** The automation's version when all names were read; a snapshot of another version does not have them all. */
  private namesVersion = ''
  private readonly earlier: EarlierOutcomes
  private conflicts = 0
  /** It has been tried with what is remembered. */
  private recalled = false

  constructor(
    tenant: Tenant,
    backing: Backing,
    recollection: Recollection,
    limits: LaneLimits,
    batch: QueuedJob[],
    finished: () => void,
    postpone: (rest: QueuedJob[]) => void,
  ) {
    this.postpone = postpone
    this.tenant = tenant
    this.backing = backing
    this.recollection = recollection
    this.limits = limits
    this.batch = batch
    this.finished = finished
    this.earlier = new EarlierOutcomes(tenant, backing)
  }

  start(): void {
    this.earlier.read(this.batch)
    if (this.allNames) this.readNames()
    else if (!this.recall()) this.readKeys([])
  }

  /** Computes from what is remembered; false when that does not suffice. */
  private recall(): boolean {
    if (this.recalled || this.batch.some(({ job }) => job.ifVersion !== undefined || job.receipt !== undefined)) return false
    this.recalled = true
    const needs = mergeNeeds(this.batch.flatMap(({ job }) => job.needs))
    const snapshot = this.recollection.recall(this.tenant, needs)
    if (snapshot === undefined) return false
    this.needs = needs
    this.guarded(() => this.compute(snapshot))
    return true
  }

  private readNames(): void {
    const { tenant } = this
    this.backing.read(['GET', tenant.versionKey], (error, version) => {
      if (error === null) this.namesVersion = version === null ? '0' : (version as Buffer).toString('latin1')
    })
    this.backing.script(KEYS, false, [2, tenant.versionKey, tenant.indexKey, tenant.prefix.length], (error, reply) => {
      if (error !== null) this.fail(error)
      else this.readKeys((reply as Buffer[]).filter((_, i) => i % 2 === 0))
    })
  }

  private readKeys(names: readonly Buffer[]): void {
    const asked = this.batch.flatMap(({ job }) => job.needs)
    this.needs = mergeNeeds([...asked, ...this.discovered, ...names.map((name): Need => ({ name, extent: 'meta' }))])
    this.backing.script(SNAPSHOT, false, [...this.keys(), ...extentArgs(this.needs, this.tenant)], (error, reply) => {
      if (error !== null) this.fail(error)
      else this.guarded(() => this.compute(this.loaded(reply as BackingReply[])))
    })
  }

  /** A programming error must cost the requests of this round, never the process or the lane. */
  private guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  private loaded(reply: readonly BackingReply[]): Snapshot {
    return new LoadedSnapshot(this.tenant, this.needs, reply, this.allNames)
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
    const db = new Db(snapshot)
    const outcomes: Outcome[] = []
    const begun = new Set<string>()
    let requests = 0
    let versioned = false
    const late = performance.now() + MAX_COMPUTE_MS
    for (const { job } of this.batch) {
      const earlier = this.earlier.of(job)
      if (earlier === undefined) {
        // Twins: the second one finds in the next round what the first one leaves.
        const id = job.receipt?.ids[0]
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
    if (outcomes.length < this.batch.length) this.postpone(this.batch.splice(outcomes.length))
    if (requests === 0 && !outcomes.some(leavesReceipt)) {
      // Nothing to be committed would show whether it was right.
      if (snapshot.recalled) this.readKeys([])
      else this.finish(outcomes, Number(snapshot.version), snapshot.now)
      return
    }
    this.commit(db, snapshot, outcomes, requests, versioned || this.allNames ? snapshot.version : '')
  }

  private runJob(db: Db, job: Job<unknown>, snapshot: Snapshot, requestsBefore: number): Outcome {
    db.beginJob(requestsBefore)
    try {
      if (job.ifVersion !== undefined) {
        const actual = Number(snapshot.version) + requestsBefore
        if (job.ifVersion !== actual) throw new KvError('version_mismatch', undefined, { expected_version: job.ifVersion, actual_version: actual })
      }
      const result = job.run(db)
      return { job, error: null, result, requests: requestsBefore + Number(db.changed), created: db.created }
    } catch (error) {
      if (error instanceof NotLoaded) throw error
      db.rollback()
      return { job, error: error as Error, result: undefined, requests: requestsBefore, created: 0 }
    }
  }

  private commit(db: Db, snapshot: Snapshot, outcomes: readonly Outcome[], requests: number, ifVersion: string): void {
    const ordinals = new Map(this.needs.map((need, i) => [idOf(need.name), i + 3]))
    const guards: BackingArg[] = []
    for (const [id, stored] of snapshot.keys) guards.push(ordinals.get(id)!, stored.guard)
    const operations: BackingArg[] = []
    const changes: BackingArg[] = []
    let operationCount = 0
    const changed = db.changedSlots()
    for (const slot of changed) {
      const ordinal = ordinals.get(idOf(slot.name))!
      for (const [command, ...args] of changesOf(this.tenant, snapshot.keys.get(idOf(slot.name))!, slot)) {
        operationCount++
        operations.push(args.length + 2, ordinal, command, ...args)
      }
      changes.push(ordinal, slot.changedBy + 1, slot.value === undefined ? '' : slot.expireAt, slot.fresh ? 1 : 0)
    }
    const { maxKeys } = this.limits
    const receipts = outcomes.filter(leavesReceipt)
    // Not by pushing them: a function takes no hundred thousand arguments.
    const args: BackingArg[] = [
      ...[...this.keys(), maxKeys, ifVersion, requests, guards.length / 2, ...guards],
      ...[operationCount, ...operations, changed.length, ...changes, receipts.length, ...receipts.flatMap(receiptArgs)],
      ...extentArgs(this.needs, this.tenant),
    ]
    this.backing.script(COMMIT, true, args, (error, reply) => {
      if (error !== null) this.fail(error)
      else this.guarded(() => this.committed(reply as BackingReply[], outcomes, requests, changed, snapshot))
    })
  }

  private committed(reply: readonly BackingReply[], outcomes: readonly Outcome[], requests: number, changed: readonly Slot[], snapshot: Snapshot): void {
    switch (reply[0]) {
      case 1: {
        const [before, now] = [(reply[1] as number) - requests, Number(reply[2])]
        for (const slot of changed) this.recollection.note(this.tenant, snapshot.keys.get(idOf(slot.name))!, slot, before + slot.changedBy + 1, now)
        this.finish(outcomes, before, now)
        break
      }
      case 2:
        this.refuseQuota()
        break
      case 3:
        this.again()
        break
      default:
        // That what was remembered was old is no sign of a struggle.
        if (snapshot.recalled) this.compute(this.loaded(reply.slice(1)))
        else if (this.refuseLate()) this.retry(reply.slice(1))
    }
  }

  /** The quota is reached: each job alone will show which ones were too many. */
  private refuseQuota(): void {
    if (this.batch.length === 1) {
      this.fail(new KvError('quota_exceeded'))
      return
    }
    const next = (i: number): void => {
      if (i === this.batch.length) this.finished()
      else new Round(this.tenant, this.backing, this.recollection, this.limits, [this.batch[i]!], () => next(i + 1), this.postpone).start()
    }
    next(0)
  }

  /** Most conflicts are over at once; when they repeat, jitter keeps processes from meeting again and again. */
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
      for (const { job } of late) answer(job, new KvError('busy'), undefined, NOTHING_WRITTEN)
      if (this.batch.length === 0) {
        this.finished()
        return false
      }
    }
    return true
  }

  private finish(outcomes: readonly Outcome[], versionBefore: number, now: number): void {
    for (const { job, error, result, requests, created, earlier } of outcomes) {
      answer(job, error, result, earlier ?? { version: versionBefore + requests, now, created })
    }
    this.finished()
  }

  private fail(error: Error): void {
    for (const { job } of this.batch) answer(job, error, undefined, NOTHING_WRITTEN)
    this.finished()
  }

  private keys(): BackingArg[] {
    const { tenant, needs } = this
    return [needs.length + 2, tenant.versionKey, tenant.indexKey, ...needs.map(({ name }) => tenant.key(name)), tenant.prefix.length]
  }
}

/** What goes wrong in a caller with its outcome is no other caller's: nobody may be answered twice for it. */
const answer = (job: Job<unknown>, error: Error | null, result: unknown, written: Written): void => {
  try {
    job.done(error, result, written)
  } catch (fault) {
    reportFault(fault as Error)
  }
}

const leavesReceipt = ({ job, error, earlier }: Outcome): boolean => job.receipt !== undefined && earlier === undefined && isFinal(error)

/** See commit.lua. */
const receiptArgs = ({ job, error, result, requests, created }: Outcome): BackingArg[] => {
  const { ids } = job.receipt!
  return [requests, RECEIPT_LIFETIME_MS, job.receipt!.seal({ error: error as KvError | null, result, created }), ids.length, ...ids]
}
