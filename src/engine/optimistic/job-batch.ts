import type { BackingReply } from '../../backing/backing.ts'
import { KvError } from '../../errors/errors.ts'
import { KeptOutcomes } from '../idempotency/kept-outcomes.ts'
import { mergeNeeds, type Need } from '../plaintext/extent.ts'
import { type Needs, NotLoaded, type OutsideNeed } from '../plaintext/not-loaded.ts'
import { HEAD_LENGTH, headOf, LoadedSnapshot, type Snapshot } from '../plaintext/snapshot.ts'
import { quotaExceeded } from '../writes/quota.ts'
import { type Changes, commit } from './commit.ts'
import { Computation } from './computation.ts'
import type { Job, JobEnvironment, QueuedJob } from './job.ts'
import { FEW_LATER_READS, LaterReads, stillHolds } from './later-reads.ts'
import { NeedsThread } from './needs-thread.ts'
import { answerJob, answerJobs, leavesOutcome, type Outcome, outcomesOf } from './outcome.ts'
import { OutsideOfBatch } from './outside-of-batch.ts'
import { isLarge, readKeys, readNames } from './reading.ts'
import { isHeavy, type ReadBesides, type RemoteAnswer, remoteJobsOf } from './remote-compute.ts'
import { hasStreamCounters } from './stream-changes.ts'

export interface BatchEvents {
  /** Every job that was not postponed is answered. */
  readonly finished: () => void
  /** These come first in the next batch. */
  readonly postpone: (rest: readonly QueuedJob[]) => void
}

/** Jobs that share a snapshot and a commit; on a conflict they are computed again. */
export class JobBatch {
  private readonly environment: JobEnvironment
  private batch: QueuedJob[]
  private readonly events: BatchEvents
  private needs: readonly Need[] = []
  /** Keys that the jobs turned out to look at. */
  private discovered: readonly Need[] = []
  private allNames = false
  /** The automation's version when all names were read; a snapshot of another does not have them all. */
  private namesVersion = ''
  private readonly earlier: KeptOutcomes
  private readonly outside: OutsideOfBatch
  private readonly later: LaterReads
  private restarts = 0
  private conflicts = 0
  private cacheTried = false

  constructor(environment: JobEnvironment, batch: QueuedJob[], events: BatchEvents) {
    this.environment = environment
    this.batch = batch
    this.events = events
    this.earlier = new KeptOutcomes(environment.automation, environment.backing)
    this.outside = new OutsideOfBatch(environment, batch)
    this.later = new LaterReads(environment)
  }

  start(): void {
    this.earlier.read(this.batch.flatMap(({ job }) => job.idempotency ?? []))
    if (this.outside.ofLibraries.areMissing) this.lookOutside('libraries')
    else if (this.allNames) this.readNames()
    else if (!this.computeFromCache()) this.readKeys([])
  }

  /** From what is remembered, which says nothing of expired keys; false when that does not suffice. */
  private computeFromCache(): boolean {
    const { automation, writeCache, events } = this.environment
    const needsMore = ({ ifVersion, idempotency, remote }: Job<unknown>): boolean =>
      ifVersion !== undefined || idempotency !== undefined || isHeavy(this.environment, remote)
    if (this.cacheTried || events.of(automation) !== '' || this.batch.some(({ job }) => needsMore(job)))
      return false
    this.cacheTried = true
    const needs = mergeNeeds(this.batch.flatMap(({ job }) => job.needs))
    const snapshot = writeCache.lookUp(automation, needs)
    if (snapshot === undefined) return false
    this.needs = needs
    this.guarded(() => this.computeHere(snapshot))
    return true
  }

  private readNames(): void {
    readNames(this.environment, (error, names = [], version = '') => {
      this.namesVersion = version
      if (error !== null) this.fail(error)
      else this.readKeys(names)
    })
  }

  private readKeys(names: readonly Buffer[]): void {
    const asked = this.batch.flatMap(({ job }) => job.needs)
    const all = names.map((name): Need => ({ name, extent: 'meta' }))
    this.needs = mergeNeeds([...asked, ...this.discovered, ...all])
    const read = (error: Error | null, reply: BackingReply[] = []): void => {
      if (error !== null) this.fail(error)
      else this.guarded(() => this.compute(reply))
    }
    readKeys(this.environment, this.needs, read, this.outside.ofLibraries.areWanted)
  }

  /** A programming error must cost the requests of this batch, never the process or the queue. */
  private guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fail(error as Error)
    }
  }

  /** `reply` is what snapshot.lua answered. */
  private compute(reply: readonly BackingReply[]): void {
    const namesHold = !this.allNames || headOf(reply).version === this.namesVersion
    if (!this.outside.ofLibraries.hold(reply[this.needs.length + HEAD_LENGTH]) || !namesHold)
      return this.again()
    if (this.computeRemotely(reply)) return
    this.computeHere(new LoadedSnapshot(this.environment.automation, this.needs, reply, this.allNames))
  }

  /** False when it is not worth another thread, or that cannot do it. */
  private computeRemotely(reply: readonly BackingReply[]): boolean {
    const { automation, backing, remote } = this.environment
    const jobs = remoteJobsOf(this.batch, reply, this.restarts > FEW_LATER_READS)
    if (remote === undefined || jobs === undefined) return false
    const { needs, allNames: complete } = this
    const streamCounters = hasStreamCounters(backing.version)
    const { read } = this.later
    const [outside, libraries] = [this.outside.pack(), this.outside.ofLibraries.send()]
    const request = { automation, needs, reply, complete, streamCounters, outside, libraries, jobs, read }
    remote.compute(request, (error, answer) => {
      this.guarded(() => this.computedRemotely(error, answer, headOf(reply)))
    })
    return true
  }

  private computedRemotely(
    error: Error | null,
    answer: RemoteAnswer | undefined,
    { version, now }: { version: string; now: number },
  ): void {
    if (error !== null || answer === undefined) return this.fail(error ?? new KvError('internal'))
    if ('needs' in answer) {
      this.allNames ||= answer.allNames
      this.discovered = mergeNeeds([...this.discovered, ...answer.needs])
      return this.lookFurther(answer.outside ?? [])
    }
    const { besides, requests, mustCommit, words, changed } = answer
    if (besides !== undefined) {
      this.needs = besides.needs
      // If it has to be done again, it begins with them.
      this.discovered = besides.needs
    }
    const outcomes = answer.outcomes.map((outcome, i): Outcome => ({ job: this.batch[i]!.job, ...outcome }))
    this.postponeAfter(outcomes.length)
    const ifVersion = this.allNames ? version : ''
    if (!mustCommit) {
      const finish = (): void => this.finish(outcomes, Number(version), now)
      if (besides?.guards === undefined) finish()
      else this.check(besides, ifVersion, finish)
      return
    }
    const { automation, writeCache } = this.environment
    const noted = (): void => writeCache.forgetAll(automation, changed)
    this.commit({ outcomes, requests, words: [words], noted, fromCache: false }, ifVersion)
  }

  private lookOutside(need: OutsideNeed): void {
    const go = (): void => this.guarded(() => this.start())
    this.outside.load(need, this.batch).then(go, (error: Error) => this.fail(error))
  }

  /** Nothing is committed that would show whether what was read fits together. */
  private check(besides: ReadBesides, ifVersion: string, finish: () => void): void {
    stillHolds(this.environment, besides, ifVersion, this.outside.ofLibraries, (error, holds) => {
      if (error !== null) this.fail(error)
      else this.guarded(holds === true ? finish : () => this.again())
    })
  }

  private lookFurther(needs: Needs): void {
    if (this.later.isOver) return this.fail(this.later.tooLate())
    this.restarts++
    if (needs === 'listeners' || needs === 'info' || needs === 'libraries') return this.lookOutside(needs)
    if (needs === 'all-names') this.allNames = true
    else this.discovered = mergeNeeds([...this.discovered, ...needs])
    this.start()
  }

  private computeHere(snapshot: Snapshot): void {
    try {
      this.computeFrom(snapshot)
    } catch (error) {
      if (error instanceof NeedsThread) {
        // Known to be heavy now, it makes a batch with its like.
        for (const { job } of this.batch) job.remote?.reconsider()
        this.events.postpone(this.batch)
        this.events.finished()
      } else if (error instanceof NotLoaded) this.lookFurther(error.needs)
      else throw error
    }
  }

  private computeFrom(snapshot: Snapshot): void {
    const { automation, backing, limits, writeCache } = this.environment
    const computation = new Computation(snapshot, limits, this.outside)
    const outcomes = outcomesOf(this.batch, computation, this.earlier)
    const { requests } = computation
    this.postponeAfter(outcomes.length)
    if (!computation.mustCommit && !outcomes.some(leavesOutcome)) {
      // Nothing to be committed would show whether it was right.
      if (snapshot.fromCache) this.readKeys([])
      else this.finish(outcomes, Number(snapshot.version), snapshot.now)
      return
    }
    const { changed } = computation
    const words = computation.words(automation, this.needs, hasStreamCounters(backing.version))
    const noted = (before: number, now: number): void => writeCache.noteAll(snapshot, changed, before, now)
    const isVersioned = this.allNames || outcomes.some(({ job }) => job.ifVersion !== undefined)
    const changes = { outcomes, requests, words, noted, fromCache: snapshot.fromCache }
    this.commit(changes, isVersioned ? snapshot.version : '')
  }

  private postponeAfter(done: number): void {
    if (done < this.batch.length) this.events.postpone(this.batch.splice(done))
  }

  private commit(changes: Changes, ifVersion: string): void {
    const conditions = { ifVersion, librariesStamp: this.outside.ofLibraries.areWanted }
    commit(this.environment, this.needs, changes, conditions, (error, reply = []) => {
      if (error !== null) this.fail(error)
      else this.guarded(() => this.committed(reply, changes))
    })
  }

  private committed(reply: readonly BackingReply[], changes: Changes): void {
    const { outcomes, requests, noted, fromCache } = changes
    switch (reply[0]) {
      case 1: {
        const [before, now] = [(reply[1] as number) - requests, Number(reply[2])]
        noted(before, now)
        this.outside.ofLibraries.committed()
        this.finish(outcomes, before, now)
        break
      }
      case 2:
        return this.refuseQuota(quotaExceeded(reply.slice(1)))
      case 3:
      case 4:
      case 5:
        this.outside.changed(reply)
        return this.again()
      default:
        // That what was remembered was old is no sign of contention.
        if (fromCache) this.computeAnew(reply.slice(1))
        else if (this.refuseLate()) this.retry(reply.slice(1))
    }
  }

  /** The quota is reached: each job alone will show which ones were too many. */
  private refuseQuota(refusal: KvError): void {
    if (this.batch.length === 1) return this.fail(refusal)
    const next = (i: number): void => {
      if (i === this.batch.length) return this.events.finished()
      const events = { ...this.events, finished: () => next(i + 1) }
      new JobBatch(this.environment, [this.batch[i]!], events).start()
    }
    next(0)
  }

  /** Most conflicts are over at once; when they repeat, jitter keeps processes from meeting again. */
  private retry(current: readonly BackingReply[]): void {
    if (this.conflicts < 3 && !this.allNames) this.guarded(() => this.computeAnew(current))
    else setTimeout(() => this.start(), Math.random() * Math.min(2 ** this.conflicts, 64))
  }

  /** From what a commit that was refused answers, unless that leaves out a large key. */
  private computeAnew(current: readonly BackingReply[]): void {
    if (current.some(isLarge)) this.start()
    else this.compute(current)
  }

  private again(): void {
    if (this.refuseLate()) this.start()
  }

  /** Counts a conflict and gives up the jobs whose time is over; false when none is left. */
  private refuseLate(): boolean {
    this.conflicts++
    const now = Date.now()
    const late = this.batch.filter(({ deadline }) => deadline <= now)
    for (const { job } of late) answerJob(this.environment, job, new KvError('busy'))
    this.batch = this.batch.filter(({ deadline }) => deadline > now)
    if (this.batch.length > 0) return true
    this.events.finished()
    return false
  }

  private finish(outcomes: readonly Outcome[], versionBefore: number, now: number): void {
    answerJobs(this.environment, outcomes, versionBefore, now)
    this.events.finished()
  }

  private fail(error: Error): void {
    for (const { job } of this.batch) answerJob(this.environment, job, error)
    this.events.finished()
  }
}
