import type { Automation } from '../../automation/automation.ts'
import type { Turns } from '../../fair-share/turns.ts'
import { Fifo } from '../../lib/fifo.ts'
import { idOf } from '../../lib/id.ts'
import type { Parts } from '../../lib/parts.ts'
import { type Change, decodeChanges, withoutRequest } from './change.ts'
import { ExpiringNames } from './expiring-names.ts'
import { type TrackedName, TrackedNames, trackersOf } from './tracked-names.ts'
import { TrackedPrefixes } from './tracked-prefixes.ts'
import type { Tracker } from './tracker.ts'
import type { TrackingMemories, TrackingMemory } from './tracking-memory.ts'

/** Names and trackers that are gone through before another automation may have its turn. */
const STEPS_A_PART = 64
/** With more bytes than this waiting, or as many items, everything is told to be out of date instead. */
const MAX_ARRIVED_BYTES = 4 * 1024 * 1024
const MAX_ARRIVED = 10_000

/** What is to be told, to these or to whom it concerns: a message of changes, changes, or everything. */
type Arrived =
  | Buffer
  | { readonly changes: readonly Change[]; readonly to?: Iterable<Tracker> }
  | 'everything'

/** Of an automation in this process: who tracks what, and what they are yet to be told. */
export class TrackedAutomation {
  readonly automation: Automation
  readonly trackers = new Set<Tracker>()
  readonly names: TrackedNames
  readonly prefixes = new TrackedPrefixes()
  readonly expiring: ExpiringNames
  /** The clock of the backing Redis less that of this process, milliseconds: not more than it is. */
  clockOffset = 0
  /** Keys that expire from then on are not all known. Milliseconds since the epoch, by the Redis's clock. */
  knownUntil = Infinity
  private readonly memory: TrackingMemory
  private readonly turns: Turns
  private readonly report: (error: Error) => void
  private arrived = new Fifo<Arrived>()
  private arrivedBytes = 0
  private isDelivering = false

  /** `report` takes faults of ours. */
  constructor(
    automation: Automation,
    memories: TrackingMemories,
    turns: Turns,
    report: (error: Error) => void,
  ) {
    this.automation = automation
    this.turns = turns
    this.report = report
    const memory = memories.of(turns.lineOf(automation.id), () => this.names.dropOldest())
    this.memory = memory
    this.names = new TrackedNames(memory, (id, name) =>
      this.arrive({ changes: [overdue(id)], to: trackersOf(name) }, id.length),
    )
    this.expiring = new ExpiringNames(memory, Date.now())
  }

  /** A message of changes. */
  readonly receive = (message: Buffer): void => this.arrive(message, message.length)

  /** Everything that any of them may have is out of date. */
  tellEverything(): void {
    this.arrived = new Fifo()
    this.arrivedBytes = 0
    this.arrive('everything', 0)
  }

  /** Notes when a key expires, for as long as `tracked` says so. */
  noteExpiry(id: string, expires: number): void {
    if (this.expiring.set(id, expires)) return
    const name = this.names.take(id)
    if (name !== undefined) this.arrive({ changes: [overdue(id)], to: trackersOf(name) }, id.length)
    if (this.prefixes.match(id)) this.knownUntil = Math.min(this.knownUntil, expires)
  }

  /** What the readers of a name have seen is known now: see TrackedName. Changes since then are told. */
  noteSeen(id: string, name: TrackedName, since: number): void {
    const { early = [] } = name
    name.since = since
    name.early = undefined
    const changes = early.filter(({ version }) => version > since)
    if (changes.length === 0) return
    this.names.take(id)
    this.arrive({ changes, to: trackersOf(name) }, id.length)
    this.names.keepFor(id, name, changes.at(-1)!.version)
  }

  /** Tells of the keys whose time is over. */
  tellExpired(): void {
    const ids = this.expiring.take(this.redisNow)
    if (ids.length > 0) this.arrive({ changes: ids.map(overdue) }, 0)
  }

  get redisNow(): number {
    return Date.now() + this.clockOffset
  }

  /** Nobody tracks anything any more. */
  end(): void {
    this.arrived = new Fifo()
    this.names.clear()
    this.expiring.clear()
    this.memory.end()
  }

  private arrive(arrived: Arrived, bytes: number): void {
    this.arrived.push(arrived)
    this.arrivedBytes += bytes
    if (this.arrivedBytes > MAX_ARRIVED_BYTES || this.arrived.size > MAX_ARRIVED) this.tellEverything()
    if (this.isDelivering) return
    this.isDelivering = true
    const line = this.turns.lineOf(this.automation.id)
    const deliver = (): void =>
      this.turns.finishInParts(line, this.delivery(), (...[error]) => this.delivered(error))
    if (this.turns.mayFinish(line)) deliver()
    else this.turns.addReply(line, deliver)
  }

  private delivered(error: Error | null): void {
    this.isDelivering = false
    if (error === null) return
    // What was to be told is not known.
    this.report(error)
    this.tellEverything()
  }

  private *delivery(): Parts<void> {
    let steps = 0
    for (let next = this.arrived.shift(); next !== undefined; next = this.arrived.shift()) {
      if (next instanceof Buffer) this.arrivedBytes -= next.length
      for (const _step of this.tell(next)) if (++steps % STEPS_A_PART === 0) yield
    }
  }

  private *tell(arrived: Arrived): Iterable<void> {
    if (arrived === 'everything') {
      yield* this.forgetEverything()
      return
    }
    if ('to' in arrived && arrived.to !== undefined) {
      yield* tellAll(arrived.to, arrived.changes)
      return
    }
    const changes = 'changes' in arrived ? arrived.changes : decodeChanges(arrived)
    if (changes === undefined) {
      yield* this.forgetEverything()
      return
    }
    for (const change of changes) {
      yield
      yield* this.tellOf(change)
    }
    for (const [trackers, told] of this.prefixes.told(changes)) yield* tellAll(trackers, told)
  }

  private *tellOf(change: Change): Iterable<void> {
    const id = idOf(change.name)
    const name = this.names.takeIfNew(id, change)
    if (change.expires > 0 && this.prefixes.match(id)) this.noteExpiry(id, change.expires)
    else this.expiring.delete(id)
    if (name === undefined) return
    yield* tellAll(trackersOf(name), [change])
    if (change.version > 0) this.names.keepFor(id, name, change.version)
  }

  private *forgetEverything(): Iterable<void> {
    this.names.clear()
    for (const tracker of [...this.trackers]) {
      tracker.tell(undefined)
      yield
    }
  }
}

function* tellAll(trackers: Iterable<Tracker>, changes: readonly Change[]): Iterable<void> {
  for (const tracker of trackers) {
    if (tracker.isEnabled) tracker.tell(changes)
    yield
  }
}

const overdue = (id: string): Change => withoutRequest(Buffer.from(id, 'latin1'))
