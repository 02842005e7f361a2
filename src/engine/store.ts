import type { Automation } from '../automation/automation.ts'
import type { Backing, BackingArg, BackingReply } from '../backing/backing.ts'
import { FLUSH, MARK, RUN, SNAPSHOT } from '../backing/scripts.ts'
import { KvError } from '../errors/errors.ts'
import { Turns } from '../fair-share/turns.ts'
import { idOf } from '../lib/id.ts'
import type { Parts, PartsDone } from '../lib/parts.ts'
import { KnownLibraries } from './libraries/known-libraries.ts'
import { ListenerRecords } from './messaging/listener-records.ts'
import { type EventSettings, MustCompute } from './notifications/event-settings.ts'
import type { Job, JobEnvironment, JobLimits } from './optimistic/job.ts'
import { JobQueue } from './optimistic/job-queue.ts'
import type { RemoteCompute } from './optimistic/remote-compute.ts'
import { WriteCache } from './optimistic/write-cache.ts'
import { extentArgs, type Need } from './plaintext/extent.ts'
import { LoadedSnapshot, type Snapshot } from './plaintext/snapshot.ts'
import { chargeOf, hasOneKeyFirst, type NativeWrite } from './writes/native-write.ts'
import { type Quota, quotaArgs, quotaExceeded, readUsage, type Usage } from './writes/quota.ts'
import { WriteBatch, WriteBatches, type WriteDone } from './writes/write-batch.ts'
import { changedByLetter, leavesLetter } from './writes/write-letters.ts'
import { NOTHING_WRITTEN } from './writes/written.ts'

export type StoreLimits = JobLimits

/** Parts that a store may be given. */
export interface StoreParts {
  /** Those of the process. */
  readonly turns?: Turns
  /** Computes what is heavy. */
  readonly remote?: RemoteCompute | undefined
  /** Those of the process. */
  readonly listeners?: ListenerRecords
}

/** A connection, whose later commands must not overtake a write of its own that is still being gathered. */
export class PendingWrites {
  batch: WriteBatch | undefined

  flush(): void {
    this.batch?.flush()
    this.batch = undefined
  }
}

/** More arguments than this do not fit Lua's stack: such a write is computed and committed in pieces. */
const MAX_DIRECT_ARGS = 4_000

/** How the answer of run.lua begins; 0 says that the version is not the expected one. */
const DONE = 1
const OVER_QUOTA = 2
const DONE_WITHOUT_CHANGE = 4
const MUST_COMPUTE = 3

/**
 * What both doors share: three ways to the automation's data in the backing Redis. Nothing else touches it.
 * - `read`: a native command on ciphertext, one round trip;
 * - `write`: native commands on ciphertext with their bookkeeping, one script call;
 * - `compute`: a job on plaintext, read and committed under guards.
 */
export class Store {
  readonly backing: Backing
  readonly limits: StoreLimits
  /** Of which events of its keys each automation wants to be told. */
  readonly events: EventSettings
  private readonly remote: RemoteCompute | undefined
  private readonly report: (error: Error) => void
  private readonly queues = new Map<string, JobQueue>()
  private readonly batches: WriteBatches
  private readonly writeCache = new WriteCache()
  private readonly turns: Turns
  private readonly listeners: ListenerRecords
  /** Of functions, as read last. */
  readonly libraries: KnownLibraries

  /** `report` takes programming errors of those who wait for an answer. */
  constructor(
    backing: Backing,
    limits: StoreLimits,
    report: (error: Error) => void,
    { turns = new Turns(report), remote, listeners = new ListenerRecords(backing) }: StoreParts = {},
  ) {
    this.listeners = listeners
    this.libraries = new KnownLibraries(backing)
    this.remote = remote
    this.backing = backing
    this.limits = limits
    this.report = report
    this.turns = turns
    this.events = listeners.events
    this.batches = new WriteBatches(backing, limits, this.events)
    backing.onLoss(() => this.writeCache.clear())
  }

  /** Whether heavy jobs leave this thread. */
  get computesElsewhere(): boolean {
    return this.remote !== undefined
  }

  read(
    automation: Automation,
    command: readonly BackingArg[],
    done: (error: Error | null, reply: BackingReply) => void,
    pending?: PendingWrites,
  ): void {
    pending?.flush()
    this.backing.read(automation, command, done)
  }

  /** Whether what writes has to be computed, since the automation wants to be told of it. */
  tellsEvents(automation: Automation): boolean {
    return this.events.of(automation) !== ''
  }

  /** Whether `writes` may go through `write`. */
  fits(writes: readonly NativeWrite[]): boolean {
    return writes.every(({ args }) => args.length <= MAX_DIRECT_ARGS)
  }

  /**
   * One write request. The replies are as Redis gave them, errors included. It shares a script call with
   * others of the same turn. Fails with MustCompute when `tellsEvents` turns out to be so: nothing was
   * written then.
   */
  write(
    automation: Automation,
    writes: readonly NativeWrite[],
    done: WriteDone,
    ifVersion?: number,
    pending?: PendingWrites,
  ): void {
    if (ifVersion === undefined && WriteBatch.takes(writes)) {
      const batch = this.batches.add(automation, writes[0]!, done)
      if (pending !== undefined) pending.batch = batch
      return
    }
    pending?.flush()
    const args = runArgs(automation, writes, this.limits, ifVersion)
    this.backing.script(automation, RUN, true, args, (error, reply) => {
      if (error !== null) {
        done(error, [], NOTHING_WRITTEN)
        return
      }
      const [status, ...facts] = reply as BackingReply[]
      const [version, now, created, ...replies] = facts
      if (status === DONE || status === DONE_WITHOUT_CHANGE)
        done(null, replies, {
          version: version as number,
          now: Number(now),
          created: created as number,
          changed: status === DONE,
        })
      else if (status === MUST_COMPUTE) {
        this.events.learn(automation, String(version))
        done(new MustCompute(), [], NOTHING_WRITTEN)
      } else if (status === OVER_QUOTA) done(quotaExceeded(facts), [], NOTHING_WRITTEN)
      else done(versionMismatch(ifVersion, version as number), [], NOTHING_WRITTEN)
    })
  }

  /**
   * Something long on the automation's data that has been read, done in its turns. What is held for it is
   * bounded by holding back what else the automation asks for.
   */
  inParts<T>(automation: Automation, parts: Parts<T>, done: PartsDone<T>): void {
    const release = this.backing.hold?.(automation)
    this.turns.finishInParts(this.turns.lineOf(automation.id), parts, (...outcome) => {
      try {
        done(...outcome)
      } finally {
        release?.()
      }
    })
  }

  /** Queues a job behind the others of its automation. */
  compute<T>(automation: Automation, job: Job<T>, pending?: PendingWrites): void {
    pending?.flush()
    let queue = this.queues.get(automation.id)
    if (queue === undefined) {
      queue = new JobQueue(this.environmentOf(automation), () => this.queues.delete(automation.id))
      this.queues.set(automation.id, queue)
    }
    queue.submit(job)
  }

  private environmentOf(automation: Automation): JobEnvironment {
    const { backing, writeCache, limits, report, remote, listeners, libraries, events } = this
    return { automation, backing, writeCache, limits, report, remote, listeners, libraries, events }
  }

  /** Several keys at one moment. */
  snapshot(automation: Automation, needs: readonly Need[]): Promise<Snapshot> {
    const { versionKey, indexKey, prefix } = automation
    const keys = needs.map(({ name }) => automation.key(name))
    const args = [
      keys.length + 2,
      versionKey,
      indexKey,
      ...keys,
      prefix.length,
      ...extentArgs(needs, automation),
    ]
    return new Promise((resolve, reject) => {
      this.backing.script(automation, SNAPSHOT, false, args, (error, reply) => {
        if (error === null) resolve(new LoadedSnapshot(automation, needs, reply as BackingReply[]))
        else reject(error)
      })
    })
  }

  /** What the automation uses of its quota. Rejects with `unavailable`. */
  usage(automation: Automation): Promise<Usage> {
    return readUsage(this.backing, automation, this.limits)
  }

  /** Notes for `lastsMs` that clients of this process wait for keys. */
  mark(
    automation: Automation,
    names: readonly Buffer[],
    lastsMs: number,
    done: (error: Error | null) => void,
  ): void {
    const args = [2, automation.versionKey, automation.indexKey, automation.prefix.length, lastsMs, ...names]
    this.backing.script(automation, MARK, false, args, done)
  }

  /** Deletes all keys of the automation; answers how many there were. */
  flush(automation: Automation): Promise<number> {
    return new Promise((resolve, reject) => {
      const args = [2, automation.versionKey, automation.indexKey, automation.prefix.length]
      this.backing.script(automation, FLUSH, true, args, (error, reply) => {
        if (error === null) resolve((reply as number[])[3]!)
        else reject(error)
      })
    })
  }
}

const versionMismatch = (expected: number | undefined, actual: number): KvError =>
  new KvError('version_mismatch', undefined, { expected_version: expected, actual_version: actual })

/** See run.lua. */
function runArgs(
  automation: Automation,
  writes: readonly NativeWrite[],
  quota: Quota,
  ifVersion: number | undefined,
): BackingArg[] {
  const expected = ifVersion ?? ''
  const ordinals = new Map<string, number>()
  const keys: BackingArg[] = []
  const ordinalOf = (name: Buffer): number => {
    const id = idOf(name)
    let ordinal = ordinals.get(id)
    if (ordinal === undefined) {
      keys.push(automation.key(name))
      ordinal = keys.length + 2
      ordinals.set(id, ordinal)
    }
    return ordinal
  }
  const rest: BackingArg[] = []
  for (const planned of writes) {
    const { name, leaves, changedBy, command, before = [], more = [], args } = planned
    const ordinal = ordinalOf(name)
    const letter = changedByLetter(changedBy)
    const rule = hasOneKeyFirst(planned)
      ? letter
      : [`${letter}${before.length}`, ...more.map(ordinalOf)].join('+')
    const words = command === 'XGROUP' ? `${command} ${String(before[0]).toUpperCase()}` : command
    rest.push(
      ordinal,
      `${leavesLetter(leaves)}${chargeOf(changedBy, words)}`,
      rule,
      before.length + args.length + 1,
      command,
      ...before,
      ...args,
    )
  }
  return [
    keys.length + 2,
    automation.versionKey,
    automation.indexKey,
    ...keys,
    automation.prefix.length,
    ...quotaArgs(quota),
    expected,
    ...rest,
  ]
}
