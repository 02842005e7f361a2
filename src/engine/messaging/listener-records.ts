import { randomBytes } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import type { Backing, BackingReply } from '../../backing/backing.ts'
import { ANNOUNCE } from '../../backing/scripts.ts'
import { LIVENESS } from '../../lib/liveness.ts'
import { RecentMap } from '../../lib/recent-map.ts'
import { EventSettings } from '../notifications/event-settings.ts'
import { LiveListeners, ToldListeners } from './listeners.ts'
import { countsOf, isEmpty, type SubscriberCounts, type Topics } from './topics.ts'

/** No listeners have it: whoever publishes with it is told all records. */
export const NO_STAMP = '-'

interface Known {
  stamp: string
  readonly others: ToldListeners
  /** Until then none of the others is taken to be dead. Milliseconds since the epoch. */
  readonly until: number
  readonly bytes: number
}

interface ListenersRecord extends SubscriberCounts {
  readonly at: number
}

/** What is remembered of all automations together, in bytes. */
const MEMORY = 16 * 1024 * 1024
const ENTRY_BYTES = 512

/**
 * Who listens to the messages of an automation in other processes: each keeps a record in the backing Redis
 * and renews it. What was read is remembered with its stamp. Whoever counts by it has the stamp compared in
 * the same step that publishes (publish.lua, commit.lua), so that the records are read again only when they
 * have changed.
 */
export class ListenerRecords {
  /** Under which the others know of the listeners here. */
  private readonly id = randomBytes(16).toString('hex')
  readonly events: EventSettings
  private readonly backing: Backing
  private readonly known = new RecentMap<Known>(MEMORY, ({ bytes }) => ENTRY_BYTES + bytes)
  private readonly topics = new Map<string, Topics>()

  constructor(backing: Backing) {
    this.backing = backing
    this.events = new EventSettings(backing)
    backing.onLoss(() => this.known.clear())
  }

  /** Listeners of this process are counted by these topics, as they are at each moment. */
  keep(automation: Automation, topics: Topics): void {
    this.topics.set(automation.id, topics)
  }

  drop(automation: Automation): void {
    this.topics.delete(automation.id)
  }

  /** As they were when last read, if that may still be so. */
  remembered(automation: Automation): LiveListeners | undefined {
    const known = this.known.get(automation.id)
    return known === undefined || known.until <= Date.now() ? undefined : this.live(automation, known)
  }

  /** Reads the records. Rejects with `unavailable`, or `unreadable`. */
  async load(automation: Automation): Promise<LiveListeners> {
    // The stamp first: records that are newer than it are only read once too often.
    const [stamp, records] = await Promise.all([
      this.backing.call(automation, ['GET', automation.listenersStampKey]),
      this.backing.call(automation, ['HGETALL', automation.listenersKey]),
    ])
    return this.learn(automation, stamp === null ? '' : String(stamp), records as Buffer[])
  }

  /** What a script answered to one whose stamp is out of date. Throws `unreadable`. */
  learn(automation: Automation, stamp: string, records: readonly Buffer[]): LiveListeners {
    const parts: ListenersRecord[] = []
    const dead: Buffer[] = []
    const oldest = Date.now() - LIVENESS.lastsMs
    let bytes = 0
    for (let i = 0; i < records.length; i += 2) {
      if (records[i]!.toString('latin1') === this.id) continue
      const record = this.open(automation, records[i + 1]!)
      if (record.at > oldest) parts.push(record)
      else dead.push(records[i]!)
      bytes += record.nameBytes
    }
    // Others renew the key, so what a dead process left in it would last.
    if (dead.length > 0) this.backing.read(automation, ['HDEL', automation.listenersKey, ...dead], () => {})
    const until = Math.min(Date.now(), ...parts.map(({ at }) => at)) + LIVENESS.lastsMs
    const known: Known = { stamp, others: new ToldListeners(parts), until, bytes }
    // Its size may be another now.
    this.known.delete(automation.id)
    this.known.set(automation.id, known)
    return this.live(automation, known)
  }

  /** Tells the others who listens here. Rejects with `unavailable` or `outcome_unknown`. */
  async announce(automation: Automation): Promise<void> {
    const topics = this.topics.get(automation.id)
    const record = topics === undefined || isEmpty(topics) ? '' : this.seal(automation, topics)
    const args = [
      ...[2, automation.versionKey, automation.indexKey, automation.prefix.length],
      ...[this.id, record, randomBytes(9).toString('base64url'), LIVENESS.lastsMs],
    ]
    const [before, after, events] = await new Promise<BackingReply[]>((resolve, reject) => {
      this.backing.script(automation, ANNOUNCE, true, args, (error, reply) =>
        error === null ? resolve(reply as BackingReply[]) : reject(error),
      )
    })
    this.events.learn(automation, String(events))
    // Of the others nothing has changed by that.
    const known = this.known.get(automation.id)
    if (known?.stamp === String(before)) known.stamp = String(after)
  }

  private live(automation: Automation, { stamp, others }: Known): LiveListeners {
    return new LiveListeners(stamp, () => this.topics.get(automation.id), others)
  }

  private seal(automation: Automation, topics: Topics): Buffer {
    const record = Buffer.from(JSON.stringify({ at: Date.now(), ...countsOf(topics) }))
    return automation.sealer.seal(locations.record('listeners'), record, true)
  }

  private open(automation: Automation, sealed: Buffer): ListenersRecord {
    const { bytes } = automation.sealer.open(locations.record('listeners'), sealed)
    const record = JSON.parse(bytes.toString()) as ListenersRecord
    // A record of a release that did not tell it.
    return { ...record, nameBytes: record.nameBytes ?? bytes.length }
  }
}
