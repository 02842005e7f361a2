import { randomBytes } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import type { Backing, BackingReply, MessageBus } from '../../backing/backing.ts'
import { TRACK } from '../../backing/scripts.ts'
import type { HeldBytes } from '../../fair-share/held-bytes.ts'
import type { Turns } from '../../fair-share/turns.ts'
import { idOf } from '../../lib/id.ts'
import { LIVENESS } from '../../lib/liveness.ts'
import { withoutRequest } from './change.ts'
import { SLOT_MS } from './expiring-names.ts'
import { expiresOf, learnExpiry } from './index-expiry.ts'
import { TrackedAutomation } from './tracked-automation.ts'
import type { TrackedName } from './tracked-names.ts'
import type { Tracker } from './tracker.ts'
import { TrackingMemories } from './tracking-memory.ts'

interface Hub {
  readonly tracked: TrackedAutomation
  readonly opened: Promise<void>
  /** How many are about to track: it must not be closed under them. */
  joining: number
  /** Of the time through which changes have been told without a gap. */
  stamp: string | undefined
  /** When changes were last known to be told for `LIVENESS.lastsMs` more. Milliseconds since the epoch. */
  markedAt: number
  /** Changes arrive here. */
  isLive: boolean
  /** The look at all keys that is under way, and the one after it. */
  scanning: Promise<void>
  nextScan: Promise<void> | undefined
}

/** When more keys expire than can be remembered, they are looked for so often, in milliseconds. */
const SCAN_PAUSE_MS = 1_000

/**
 * Tells connections of this process that keys which they have read were changed, by whatever process and
 * door, or have expired. While any connection of an automation tracks keys, a stamp in the backing Redis is
 * kept alive, and write scripts that see it publish what they changed (changes.lua).
 *
 * No change is missed, because
 * - a connection tracks only when messages arrive here and the stamp is there, and a key is noted before the
 *   command that reads it is sent: a change that the read did not see is published after it, and finds the
 *   note;
 * - a change that comes while the read is on its way takes the note away and is told behind the reply (see
 *   Tracker); one that the read has seen may be told too, which costs the client one more read;
 * - when messages may have been missed (the link broke, or the stamp is another one than before), everything
 *   is told to be out of date; as long as that lasts, so is each key that is read.
 */
export class KeyTracking {
  private readonly backing: Backing
  private readonly bus: MessageBus
  private readonly memories: TrackingMemories
  private readonly turns: Turns
  private readonly report: (error: Error) => void
  private readonly hubs = new Map<string, Hub>()
  private readonly timers: readonly NodeJS.Timeout[]
  private busIsUp = true

  constructor(
    backing: Backing,
    bus: MessageBus,
    held: HeldBytes,
    turns: Turns,
    report: (error: Error) => void,
  ) {
    this.backing = backing
    this.bus = bus
    this.memories = new TrackingMemories(held)
    this.turns = turns
    this.report = report
    bus.onLoss(() => this.lost())
    bus.onReturn(() => this.returned())
    this.timers = [
      setInterval(() => this.renew(), LIVENESS.renewMs),
      setInterval(() => this.lookForExpired(), SLOT_MS),
    ]
    for (const timer of this.timers) timer.unref()
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer)
  }

  /**
   * Resolves when whatever changes from now on will be told: of these prefixes, and of what is read. Rejects
   * with `unavailable` or `tracked_prefixes`; then it is as before. `prefixes` are new for this tracker.
   */
  async join(automation: Automation, tracker: Tracker, prefixes: readonly Buffer[]): Promise<void> {
    const hub = this.hubOf(automation)
    const { tracked } = hub
    const isNew = !tracked.trackers.has(tracker)
    hub.joining++
    try {
      const hasNew = tracked.prefixes.add(prefixes, tracker)
      tracked.trackers.add(tracker)
      await hub.opened
      if (hasNew) await this.scan(hub)
      // Another's look for the same prefixes may be under way.
      else if (prefixes.length > 0) await (hub.nextScan ?? hub.scanning)
    } catch (error) {
      tracked.prefixes.delete(prefixes, tracker)
      if (isNew) tracked.trackers.delete(tracker)
      throw error
    } finally {
      hub.joining--
    }
  }

  leave(automation: Automation, tracker: Tracker, prefixes: Iterable<Buffer>): void {
    const tracked = this.hubs.get(automation.id)?.tracked
    tracked?.trackers.delete(tracker)
    tracked?.prefixes.delete(prefixes, tracker)
  }

  /** Called before the command is sent that reads these keys. */
  read(automation: Automation, tracker: Tracker, names: readonly Buffer[]): void {
    const hub = this.hubs.get(automation.id)
    if (hub === undefined || !hub.isLive) {
      // Copies: names lie in what was received.
      tracker.tell(names.map((name) => withoutRequest(Buffer.from(name))))
      return
    }
    const added: Array<readonly [id: string, name: TrackedName]> = []
    for (const name of names) {
      const id = idOf(name)
      const made = hub.tracked.names.add(id, tracker)
      if (made !== undefined) added.push([id, made])
    }
    if (added.length > 0) this.ask(hub, added)
  }

  /**
   * Asks for the version up to which a read that follows has seen all changes, and when the keys expire: what
   * changes that later is a change. Without an answer they are told of as if they had expired.
   */
  private ask({ tracked }: Hub, added: ReadonlyArray<readonly [id: string, name: TrackedName]>): void {
    const { automation, names } = tracked
    const fields = added.map(([id]) => Buffer.from(id, 'latin1'))
    let since = 0
    this.backing.read(automation, ['GET', automation.versionKey], (error, reply) => {
      if (error === null && reply !== null) since = Number(reply)
    })
    this.backing.read(automation, ['HMGET', automation.indexKey, ...fields], (error, reply) => {
      const entries = error === null ? (reply as BackingReply[]) : []
      for (const [i, [id, name]] of added.entries()) {
        // It may have changed meanwhile, and may have been read again.
        if (names.get(id) !== name) continue
        const expires = error === null ? expiresOf(entries[i]) : tracked.redisNow
        if (expires > 0) tracked.noteExpiry(id, expires)
        tracked.noteSeen(id, name, since)
      }
    })
  }

  private hubOf(automation: Automation): Hub {
    const known = this.hubs.get(automation.id)
    if (known !== undefined) return known
    const tracked = new TrackedAutomation(automation, this.memories, this.turns, this.report)
    const hub: Hub = {
      tracked,
      opened: this.bus
        .subscribe(automation, automation.changesChannel, tracked.receive)
        .then(() => this.mark(hub))
        .then(
          () => {
            hub.isLive = this.busIsUp
          },
          (error: Error) => {
            this.drop(hub)
            throw error
          },
        ),
      joining: 0,
      stamp: undefined,
      markedAt: 0,
      isLive: false,
      scanning: Promise.resolve(),
      nextScan: undefined,
    }
    // Whoever began it may have been refused before it waits for this.
    hub.opened.catch(() => {})
    this.hubs.set(automation.id, hub)
    return hub
  }

  private drop(hub: Hub): void {
    const { automation, receive } = hub.tracked
    this.hubs.delete(automation.id)
    hub.isLive = false
    hub.tracked.end()
    this.bus.unsubscribe(automation, automation.changesChannel, receive)
  }

  /** Has changes told for a while longer. Rejects with `unavailable` or `outcome_unknown`. */
  private async mark(hub: Hub): Promise<void> {
    const { automation } = hub.tracked
    const asked = Date.now()
    const args = [
      ...[2, automation.versionKey, automation.indexKey, automation.prefix.length],
      ...[randomBytes(9).toString('base64url'), LIVENESS.lastsMs],
    ]
    const [stamp, now] = await new Promise<BackingReply[]>((resolve, reject) => {
      this.backing.script(automation, TRACK, true, args, (error, reply) =>
        error === null ? resolve(reply as BackingReply[]) : reject(error),
      )
    })
    hub.markedAt = asked
    hub.tracked.clockOffset = Number(now) - Date.now()
    if (hub.stamp !== undefined && hub.stamp !== String(stamp)) hub.tracked.tellEverything()
    hub.stamp = String(stamp)
  }

  /** A hub that nobody uses lasts until then: workers come back at once. */
  private renew(): void {
    for (const hub of this.hubs.values()) {
      if (hub.tracked.trackers.size === 0 && hub.joining === 0) this.drop(hub)
      else if (hub.stamp !== undefined) this.renewHub(hub)
    }
  }

  private renewHub(hub: Hub): void {
    // Those who are told of all keys, whoever reads them, may have taken over what was old.
    if (!hub.isLive) hub.tracked.tellEverything()
    this.mark(hub).then(
      () => this.revive(hub),
      () => {
        if (Date.now() - hub.markedAt < LIVENESS.lastsMs) return
        hub.isLive = false
        hub.tracked.tellEverything()
      },
    )
  }

  private revive(hub: Hub): void {
    if (hub.isLive || !this.busIsUp) return
    hub.isLive = true
    hub.tracked.tellEverything()
  }

  private lost(): void {
    this.busIsUp = false
    for (const hub of this.hubs.values()) {
      hub.isLive = false
      hub.tracked.tellEverything()
    }
  }

  private returned(): void {
    this.busIsUp = true
    for (const hub of this.hubs.values()) if (hub.stamp !== undefined) this.renewHub(hub)
  }

  private lookForExpired(): void {
    for (const hub of this.hubs.values()) {
      const { tracked } = hub
      tracked.tellExpired()
      if (tracked.knownUntil <= tracked.redisNow) this.lookAgain(hub)
    }
  }

  /** More keys were to expire than could be remembered: some of the rest may have done so by now. */
  private lookAgain(hub: Hub): void {
    const { tracked } = hub
    tracked.knownUntil = Infinity
    const after = (): void => {
      tracked.knownUntil = Math.max(tracked.knownUntil, tracked.redisNow + SCAN_PAUSE_MS)
      tracked.tellEverything()
    }
    this.scan(hub).then(after, () => {
      tracked.knownUntil = tracked.redisNow + SCAN_PAUSE_MS
    })
  }

  /** Learns of all keys under prefixes when they expire. Those who ask at once share a look. */
  private scan(hub: Hub): Promise<void> {
    hub.nextScan ??= hub.scanning
      .catch(() => {})
      .then(() => {
        hub.nextScan = undefined
        hub.scanning = learnExpiry(this.backing, hub.tracked)
        return hub.scanning
      })
    return hub.nextScan
  }
}
