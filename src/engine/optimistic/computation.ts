import { randomBytes } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import type { BackingArg } from '../../backing/backing.ts'
import { KvError } from '../../errors/errors.ts'
import { CallTrace } from '../../lib/call-trace.ts'
import { idOf } from '../../lib/id.ts'
import { sealLibrary } from '../libraries/library.ts'
import { sealMessages } from '../messaging/message.ts'
import { Database, type DatabaseLimits, type KeyState } from '../plaintext/database.ts'
import type { Need } from '../plaintext/extent.ts'
import { NotLoaded, ReadFailed } from '../plaintext/not-loaded.ts'
import type { Outside, Snapshot } from '../plaintext/snapshot.ts'
import { chargeKind } from '../writes/charge-kind.ts'
import { changesOf } from './changes.ts'
import { NeedsThread } from './needs-thread.ts'

/** A job as far as it is computed: what it does to the database, and which version it asks for. */
export interface Computable {
  run(db: Database): unknown
  readonly ifVersion?: number | undefined
  /** Somebody looks on: see `ComputedJob.calls`. */
  readonly isTraced?: boolean
}

/** What came of one job. */
export interface ComputedJob {
  readonly error: Error | null
  readonly result: unknown
  /** Write requests of the batch when it was through: one more than before if it changed something. */
  readonly requests: number
  readonly created: number
  /** What its scripts called. */
  readonly calls?: readonly (readonly Buffer[])[] | undefined
}

/** Runs jobs one after the other on the keys of a snapshot. Throws NotLoaded when one looks further. */
export class Computation {
  readonly db: Database
  requests = 0
  private readonly snapshot: Snapshot

  constructor(snapshot: Snapshot, limits: DatabaseLimits, outside?: Outside) {
    this.snapshot = snapshot
    this.db = new Database(snapshot, limits, outside)
  }

  run(job: Computable): ComputedJob {
    const { db, snapshot, requests } = this
    db.beginJob(requests)
    db.trace = job.isTraced === true ? new CallTrace() : undefined
    try {
      if (job.ifVersion !== undefined) {
        const actual = Number(snapshot.version) + requests
        if (job.ifVersion !== actual)
          throw new KvError('version_mismatch', undefined, {
            expected_version: job.ifVersion,
            actual_version: actual,
          })
      }
      const result = job.run(db)
      this.requests += Number(db.changed)
      return { error: null, result, requests: this.requests, created: db.created, calls: db.trace?.shown }
    } catch (error) {
      if (error instanceof NotLoaded || error instanceof NeedsThread) throw error
      db.rollback()
      const reason = error instanceof ReadFailed ? error.reason : (error as Error)
      return { error: reason, result: undefined, requests, created: 0, calls: db.trace?.shown }
    }
  }

  /** Whether a commit is due also when nothing was written: to publish, or to see whether it was right. */
  get mustCommit(): boolean {
    return this.requests > 0 || this.db.messages.stamp !== undefined
  }

  get changed(): readonly KeyState[] {
    return this.db.changedKeys()
  }

  /**
   * The middle of commit.lua's arguments: guards, operations, what is told of each changed key, messages, and
   * libraries.
   */
  words(automation: Automation, needs: readonly Need[], streamCounters: boolean): BackingArg[] {
    const { snapshot, changed } = this
    const ordinals = new Map(needs.map((need, i) => [idOf(need.name), i + 3]))
    const words: BackingArg[] = [snapshot.keys.size]
    for (const [id, stored] of snapshot.keys) words.push(ordinals.get(id)!, stored.guard)
    const countAt = words.push(0) - 1
    let operations = 0
    const changes: BackingArg[] = [changed.length]
    for (const state of changed) {
      const ordinal = ordinals.get(idOf(state.name))!
      const stored = snapshot.keys.get(idOf(state.name))!
      for (const [command, ...args] of changesOf(automation, stored, state, streamCounters)) {
        operations++
        words.push(args.length + 3, ordinal, chargeKind(command), command)
        for (const arg of args) words.push(arg)
      }
      const expires = state.value === undefined ? '' : state.expireAt
      const how = (state.fresh ? 1 : 0) + (state.changedBySeveral ? 2 : 0)
      changes.push(ordinal, state.changedBy + 1, expires, how)
    }
    words[countAt] = operations
    for (const change of changes) words.push(change)
    const { all, stamp } = this.db.messages
    const sealed = sealMessages(automation, all)
    words.push(stamp ?? '*', snapshot.events, sealed.length)
    for (const piece of sealed) words.push(piece)
    const { removed, added } = this.db.libraries.changes()
    // Nearly no commit changes them, and random bytes take as long as much else of it.
    const next = removed.length + added.length > 0 ? randomBytes(9).toString('base64url') : ''
    words.push(this.db.libraries.stamp ?? '*', next, removed.length, ...removed, added.length)
    for (const library of added) words.push(library.id, sealLibrary(automation, library))
    return words
  }
}
