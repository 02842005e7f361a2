import { LRUCache } from 'lru-cache'

/** Automations whose counts are kept; those of the one that was longest idle begin anew. */
const MAX_AUTOMATIONS = 10_000

/** What INFO tells of an automation's doings on RESP in this process, since the process began. */
export class Activity {
  /** Logins, and those that its limit of connections refused. */
  connections = 0
  refusedConnections = 0
  commands = 0
  errorReplies = 0
  receivedBytes = 0
  sentBytes = 0
  private second = 0
  private inSecond = 0
  private inLastSecond = 0

  countCommand(now: number): void {
    this.commands++
    this.turnTo(now)
    this.inSecond++
  }

  /** Commands in the last whole second. `now` is in milliseconds. */
  perSecond(now: number): number {
    this.turnTo(now)
    return this.inLastSecond
  }

  private turnTo(now: number): void {
    if (now < this.second * 1_000 + 1_000) return
    const second = Math.floor(now / 1_000)
    this.inLastSecond = second === this.second + 1 ? this.inSecond : 0
    this.inSecond = 0
    this.second = second
  }
}

/** The counts of all automations. */
export class Activities {
  private readonly known = new LRUCache<string, Activity>({ max: MAX_AUTOMATIONS })

  of(automationId: string): Activity {
    const known = this.known.get(automationId)
    if (known !== undefined) return known
    const activity = new Activity()
    this.known.set(automationId, activity)
    return activity
  }
}
