import type { Automation } from '../../automation/automation.ts'
import type { Backing } from '../../backing/backing.ts'
import { RecentMap } from '../../lib/recent-map.ts'

/** Of all automations together; an entry is a few letters. */
const MOST_KNOWN = 20_000

/**
 * Which events each automation wants to be told of, as this process last saw it: see event-classes.ts for
 * the letters. It may be out of date, so every script that writes compares it.
 */
export class EventSettings {
  private readonly known = new RecentMap<string>(MOST_KNOWN, () => 1)
  private readonly backing: Backing
  /** Any automation has wanted some, so that it is worth a look. */
  private any = false

  constructor(backing: Backing) {
    this.backing = backing
  }

  /** Empty: none, as far as is known. */
  of({ id }: Automation): string {
    return this.any ? (this.known.get(id) ?? '') : ''
  }

  /** What a script answered. */
  learn({ id }: Automation, events: string): void {
    if (events === '') {
      if (this.any) this.known.delete(id)
      return
    }
    this.any = true
    this.known.set(id, events)
  }

  /** Rejects with `unavailable`. */
  async load(automation: Automation): Promise<string> {
    const events = String((await this.backing.call(automation, ['GET', automation.eventsKey])) ?? '')
    this.learn(automation, events)
    return events
  }

  /** For all processes, at once. Rejects with `unavailable` or `outcome_unknown`. */
  async save(automation: Automation, events: string): Promise<void> {
    const { eventsKey } = automation
    await this.backing.call(automation, events === '' ? ['DEL', eventsKey] : ['SET', eventsKey, events], true)
    this.learn(automation, events)
  }
}

/**
 * The error of a direct write that was not made, since its events have to be computed: the automation wants
 * some, and this process did not know it.
 */
export class MustCompute extends Error {
  constructor() {
    super('the write has to be computed')
  }
}
