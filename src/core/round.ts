import type { Backing, BackingArg, BackingReply } from '../backing/redis.ts'
import { COMMIT, KEYS, SNAPSHOT } from '../backing/scripts.ts'
import { KvError } from '../errors.ts'
import { changesOf } from './changes.ts'
import { Db } from './db.ts'
import { type Job, type LaneLimits, NOTHING_WRITTEN, type QueuedJob } from './job.ts'
import { NotLoaded } from './not-loaded.ts'
import { extentArgs, mergeNeeds, type Need, Snapshot } from './snapshot.ts'
import type { Tenant } from './tenant.ts'
import { idOf } from './values.ts'

interface Outcome {
  readonly job: Job<unknown>
  readonly error: Error | null
  readonly result: unknown
  /** Ordinal among the write requests of the batch, 0 when it changed nothing. */
  readonly request: number
  readonly created: number
}

/** When the jobs of a round took this long to compute, the others wait for the next one: scripts, and long values, are slow. */
const MAX_COMPUTE_MS = 25

/** One round of a lane: snapshot, compute, commit, and again on a conflict. */
export class Round {
  private readonly tenant: Tenant
  private readonly backing: Backing
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
  private conflicts = 0

  constructor(
    tenant: Tenant,
    backing: Backing,
    limits: LaneLimits,
    batch: QueuedJob[],
    finished: () => void,
    postpone: (rest: QueuedJob[]) => void,
  ) {
    this.postpone = postpone
    this.tenant = tenant
    this.backing = backing
    this.limits = limits
    this.batch = batch
    this.finished = finished
  }

  start(): void {
    if (this.allNames) this.readNames()
    else this.readKeys([])
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
      else this.guarded(() => this.compute(reply as BackingReply[]))
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

  private compute(reply: readonly BackingReply[]): void {
    try {
      this.computeLoaded(reply)
    } catch (error) {
      if (!(error instanceof NotLoaded)) throw error
      if (error.needs === 'all-names') this.allNames = true
      else this.discovered = [...this.discovered, ...error.needs]
      this.start()
    }
  }

  private computeLoaded(reply: readonly BackingReply[]): void {
    const snapshot = new Snapshot(this.tenant, this.needs, reply, this.allNames)
    if (this.allNames && snapshot.version !== this.namesVersion) {
      this.again()
      return
    }
    const db = new Db(snapshot)
    const outcomes: Outcome[] = []
    let requests = 0
    let versioned = false
    const late = performance.now() + MAX_COMPUTE_MS
    for (const { job } of this.batch) {
      const outcome = this.runJob(db, job, Number(snapshot.version), requests)
      if (outcome.request > 0) requests = outcome.request
      versioned ||= job.ifVersion !== undefined
      outcomes.push(outcome)
      if (performance.now() > late) break
    }
    if (outcomes.length < this.batch.length) this.postpone(this.batch.splice(outcomes.length))
    const version = Number(snapshot.version)
    if (requests === 0) {
      this.finish(outcomes, version, snapshot.now)
      return
    }
    this.commit(db, snapshot, outcomes, requests, versioned || this.allNames ? snapshot.version : '')
  }

  private runJob(db: Db, job: Job<unknown>, version: number, requestsBefore: number): Outcome {
    db.beginJob(requestsBefore)
    try {
      const actual = version + requestsBefore
      if (job.ifVersion !== undefined && job.ifVersion !== actual) {
        throw new KvError('version_mismatch', undefined, { expected_version: job.ifVersion, actual_version: actual })
      }
      const result = job.run(db)
      return { job, error: null, result, request: db.changed ? requestsBefore + 1 : 0, created: db.created }
    } catch (error) {
      if (error instanceof NotLoaded) throw error
      db.rollback()
      return { job, error: error as Error, result: undefined, request: 0, created: 0 }
    }
  }

  private commit(db: Db, snapshot: Snapshot, outcomes: readonly Outcome[], requests: number, ifVersion: string): void {
    const ordinals = new Map(this.needs.map((need, i) => [idOf(need.name), i + 3]))
    const guards: BackingArg[] = []
    for (const [id, stored] of snapshot.keys) guards.push(ordinals.get(id)!, stored.version)
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
    const args: BackingArg[] = [...this.keys(), maxKeys, ifVersion, requests, guards.length / 2, ...guards]
    args.push(operationCount, ...operations, changed.length, ...changes, ...extentArgs(this.needs, this.tenant))
    this.backing.script(COMMIT, true, args, (error, reply) => {
      if (error !== null) this.fail(error)
      else this.guarded(() => this.committed(reply as BackingReply[], outcomes, requests))
    })
  }

  private committed(reply: readonly BackingReply[], outcomes: readonly Outcome[], requests: number): void {
    switch (reply[0]) {
      case 1:
        this.finish(outcomes, (reply[1] as number) - requests, Number(reply[2]))
        break
      case 2:
        this.refuseQuota()
        break
      default:
        if (this.refuseLate()) this.retry(reply.slice(1))
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
      else new Round(this.tenant, this.backing, this.limits, [this.batch[i]!], () => next(i + 1), this.postpone).start()
    }
    next(0)
  }

  /** Most conflicts are over at once; when they repeat, jitter keeps processes from meeting again and again. */
  private retry(current: readonly BackingReply[]): void {
    if (this.conflicts < 3 && !this.allNames) this.guarded(() => this.compute(current))
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
      for (const { job } of late) job.done(new KvError('busy'), undefined, NOTHING_WRITTEN)
      if (this.batch.length === 0) {
        this.finished()
        return false
      }
    }
    return true
  }

  private finish(outcomes: readonly Outcome[], versionBefore: number, now: number): void {
    let version = versionBefore
    for (const { job, error, result, request, created } of outcomes) {
      if (request > 0) version = versionBefore + request
      job.done(error, result, { version, now, created })
    }
    this.finished()
  }

  private fail(error: Error): void {
    for (const { job } of this.batch) job.done(error, undefined, NOTHING_WRITTEN)
    this.finished()
  }

  private keys(): BackingArg[] {
    const { tenant, needs } = this
    return [needs.length + 2, tenant.versionKey, tenant.indexKey, ...needs.map(({ name }) => tenant.key(name)), tenant.prefix.length]
  }
}

