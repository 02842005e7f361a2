import { randomBytes } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import type { Backing, BackingArg, BackingReply } from '../../backing/backing.ts'
import { type BackingScript, EXPIRE, EXPIRED } from '../../backing/scripts.ts'
import { KvError } from '../../errors/errors.ts'
import { type WantedEvents, wantedEvents } from '../notifications/event-classes.ts'
import { eventMessages } from '../notifications/event-messages.ts'
import type { ListenerRecords } from './listener-records.ts'
import { type Message, sealMessages } from './message.ts'

/** How often it is looked whether a key has expired, in milliseconds. */
const LOOK_MS = 1_000
/** A key that is known to expire is not looked at more often than that. */
const SHORTEST_MS = 50
/** For so long a process keeps others from looking; one that died is replaced after that. */
const HELD_MS = 3_000
/** Entries of the index that are looked at together. */
const ENTRIES_A_STEP = 1_000
/** Keys that are told of together. */
const KEYS_A_STEP = 256

interface Watch {
  readonly automation: Automation
  timer: NodeJS.Timeout | undefined
  stopped: boolean
  /** The automation's version when all of the index was last looked through; '' when it was not. */
  version: string
  /** When the next key expires, as far as was seen then. */
  soonest: string
}

interface Found {
  readonly events: string
  readonly version: string
  readonly cursor: string
  readonly soonest: string
  readonly names: readonly Buffer[]
}

/**
 * Tells of keys that expire, for the automations of this process that listen to anything and want to be told
 * of that. The backing Redis removes such keys by itself and says nothing; here one of the processes looks
 * through the index, as long as it holds a lease. The entry of a key goes in the step that sends its
 * messages, so that they are sent once.
 */
export class ExpiredKeys {
  private readonly id = randomBytes(9).toString('base64url')
  private readonly backing: Backing
  private readonly records: ListenerRecords
  private readonly report: (error: Error) => void
  private readonly watches = new Map<string, Watch>()

  constructor(backing: Backing, records: ListenerRecords, report: (error: Error) => void) {
    this.backing = backing
    this.records = records
    this.report = report
  }

  /** Called often: somebody listens to messages of the automation here. */
  keep(automation: Automation): void {
    const isWanted = wantedEvents(this.records.events.of(automation))?.wants('x') === true
    const known = this.watches.get(automation.id)
    if (!isWanted || known !== undefined) return
    const watch: Watch = { automation, timer: undefined, stopped: false, version: '', soonest: '' }
    this.watches.set(automation.id, watch)
    this.start(watch)
  }

  /** Nobody listens any more. */
  drop({ id }: Automation): void {
    const watch = this.watches.get(id)
    if (watch === undefined) return
    this.watches.delete(id)
    watch.stopped = true
    clearTimeout(watch.timer)
  }

  close(): void {
    for (const { automation } of [...this.watches.values()]) this.drop(automation)
  }

  private start(watch: Watch): void {
    this.look(watch).then(
      (waitMs) => {
        if (watch.stopped) return
        watch.timer = setTimeout(() => this.start(watch), waitMs)
        watch.timer.unref()
      },
      (error: Error) => {
        this.report(error)
        this.drop(watch.automation)
      },
    )
  }

  /** Goes through the index, if anything can have expired; answers when to look again, in milliseconds. */
  private async look(watch: Watch): Promise<number> {
    const { automation } = watch
    let cursor = '0'
    let version: string | undefined
    let soonest = Number.POSITIVE_INFINITY
    do {
      const found = await this.find(watch, cursor)
      if (found === undefined || watch.stopped) return LOOK_MS
      if (found === 'unwanted') {
        this.drop(automation)
        return LOOK_MS
      }
      if (found.cursor === '') return this.until(watch)
      version ??= found.version
      cursor = found.cursor
      if (found.soonest !== '') soonest = Math.min(soonest, Number(found.soonest))
      if (!(await this.tell(automation, found))) version = ''
    } while (cursor !== '0')
    watch.version = version
    watch.soonest = Number.isFinite(soonest) ? String(soonest) : ''
    return this.until(watch)
  }

  /** By the clock of this process: one that is wrong makes it look too early or a little late. */
  private until({ soonest }: Watch): number {
    if (soonest === '') return LOOK_MS
    return Math.max(SHORTEST_MS, Math.min(LOOK_MS, Number(soonest) + 1 - Date.now()))
  }

  /** Undefined when the Redis is away, or another process looks. */
  private async find(
    { automation, version, soonest }: Watch,
    cursor: string,
  ): Promise<Found | 'unwanted' | undefined> {
    const args = [this.id, HELD_MS, cursor, ENTRIES_A_STEP, version, soonest]
    const reply = (await this.run(automation, EXPIRED, args)) as (Buffer | null)[] | undefined
    if (reply === undefined) return undefined
    const [events = '', seen, next = '', first = ''] = reply.map(String)
    this.records.events.learn(automation, events)
    if (wantedEvents(events)?.wants('x') !== true) return 'unwanted'
    if (seen === undefined) return undefined
    return { events, version: seen, cursor: next, soonest: first, names: reply.slice(4) as Buffer[] }
  }

  /** False when some have changed meanwhile, so that it has to be looked again. */
  private async tell(automation: Automation, { events, names: flat }: Found): Promise<boolean> {
    const wanted = wantedEvents(events)!
    for (let from = 0; from < flat.length; from += 2 * KEYS_A_STEP) {
      const some = flat.slice(from, from + 2 * KEYS_A_STEP)
      const messages = messagesOf(
        wanted,
        some.filter((_, i) => i % 2 === 0),
      )
      const sealed = sealMessages(automation, messages)
      const done = await this.run(automation, EXPIRE, [events, some.length / 2, ...some, ...sealed])
      if (done !== 1) return false
    }
    return true
  }

  /** Undefined when the Redis is away: the operator reads of that elsewhere, and it is tried again. */
  private run(
    automation: Automation,
    script: BackingScript,
    args: readonly BackingArg[],
  ): Promise<BackingReply | undefined> {
    const { versionKey, indexKey, prefix } = automation
    const all = [2, versionKey, indexKey, prefix.length, ...args]
    return new Promise((resolve, reject) => {
      this.backing.script(automation, script, true, all, (error, reply) => {
        if (error === null) resolve(reply)
        else if (error instanceof KvError) resolve(undefined)
        else reject(error)
      })
    })
  }
}

const messagesOf = (wanted: WantedEvents, names: readonly Buffer[]): Message[] =>
  names.flatMap((name) =>
    eventMessages(wanted, 'expired', name).map((message): Message => ({ kind: 'channel', ...message })),
  )
