import type { Automation } from '../automation/automation.ts'
import type { Change } from '../engine/tracking/change.ts'
import type { KeyTracking } from '../engine/tracking/key-tracking.ts'
import type { Tracker } from '../engine/tracking/tracker.ts'
import type { Holder } from '../fair-share/held-bytes.ts'
import { idOf } from '../lib/id.ts'
import type { Protocol } from '../protocol/encode.ts'
import { PushReply, type Reply } from '../reply/reply.ts'

/** A connection, as far as its tracking has to do with it. */
export interface TrackingConnection {
  readonly id: number
  readonly protocol: Protocol
  /** It listens to channels. */
  readonly subscribed: boolean
  readonly automation: Automation | undefined
  readonly isOpen: boolean
  readonly memory: Holder
  readonly context: { readonly keyTracking: KeyTracking }
  readonly push: (message: PushReply) => void
  /** The reply to the last command that has begun, while that is on its way and waits for nobody else. */
  readonly lastStarted: () => ReplyPlace | undefined
}

export interface TrackingOptions {
  /** Told in place of the connection itself. */
  readonly redirect: TrackingConnection | undefined
  /** It is told of all keys with its prefixes, not of those that it has read. */
  readonly isBroadcast: boolean
  /** Only what is read behind CLIENT CACHING YES is tracked; or all but what is read behind NO. */
  readonly optIn: boolean
  readonly optOut: boolean
  /** It is not told of what it changes itself. */
  readonly noLoop: boolean
}

/** A reply that is on its way, and what is done once it is sent. */
export interface ReplyPlace {
  behind: Array<() => void> | undefined
}

/** What is told behind a reply. */
interface Batch {
  readonly place: ReplyPlace
  changes: Array<readonly Change[]>
  everything: boolean
}

/** The channel on which a RESP2 connection is told. */
const CHANNEL = '__redis__:invalidate'
/** Of a prefix, beside it. */
const PREFIX_BYTES = 256
/** Names that wait behind replies; with more, everything is out of date. */
const MAX_WAITING = 4_096
/** Own write requests of which the message may be yet to come; of an older one it is told. */
const MAX_OWN_VERSIONS = 4_096

/** Of one connection: the keys that it tracks, and how it is told of changes. */
export class ClientTracking implements Tracker {
  options: TrackingOptions
  isEnabled = true
  /** It was to be told by way of a connection that has gone. */
  isBroken = false
  /** CLIENT CACHING was given for the next command. */
  caching = false
  readonly prefixes = new Map<string, Buffer>()
  private readonly connection: TrackingConnection
  private readonly automation: Automation
  private batches: Batch[] = []
  private waiting = 0
  private readonly ownVersions = new Set<number>()

  constructor(connection: TrackingConnection, automation: Automation, options: TrackingOptions) {
    this.connection = connection
    this.automation = automation
    this.options = options
  }

  /** Whether what the next command reads is to be told. */
  get tracksReads(): boolean {
    const { isBroadcast, optIn, optOut } = this.options
    return !isBroadcast && (optIn ? this.caching : !(optOut && this.caching))
  }

  get missesChanges(): boolean {
    const { noLoop, redirect } = this.options
    return noLoop || (redirect === undefined && this.connection.protocol === 2)
  }

  /** Told of the connection's own write requests by their versions; undefined when nobody asks for them. */
  get wrote(): ((version: number) => void) | undefined {
    return this.options.noLoop ? this.noteOwn : undefined
  }

  /** The next command is about to read these. */
  reads(names: readonly Buffer[]): void {
    this.connection.context.keyTracking.read(this.automation, this, names)
  }

  /** CLIENT CACHING holds for one command, or for a transaction. */
  forgetCaching(): void {
    this.caching = false
  }

  /**
   * Begins to track, or goes on in another way; prefixes are added to those that it has. Rejects with
   * `unavailable`, `tracked_prefixes` or `memory_full`; then it is as before.
   */
  async begin(options: TrackingOptions, prefixes: readonly Buffer[]): Promise<void> {
    const { context, memory } = this.connection
    // The arguments lie in the chunk that was received, which must not be kept for them.
    const added = prefixes.filter((each) => !this.prefixes.has(idOf(each))).map((each) => Buffer.from(each))
    memory.take(bytesOf(added))
    try {
      await context.keyTracking.join(this.automation, this, added)
    } catch (error) {
      memory.give(bytesOf(added))
      throw error
    }
    for (const prefix of added) this.prefixes.set(idOf(prefix), prefix)
    // It may have gone meanwhile: nobody would end it then.
    if (!this.connection.isOpen) this.end()
    this.options = options
    this.isBroken = false
  }

  tell(changes: readonly Change[] | undefined): void {
    if (!this.isEnabled) return
    const place = this.connection.lastStarted()
    if (place === undefined) {
      this.send(changes === undefined ? undefined : [changes])
      return
    }
    const batch = this.batchAt(place)
    this.waiting += changes?.length ?? 0
    if (changes !== undefined && !batch.everything && this.waiting <= MAX_WAITING) {
      batch.changes.push(changes)
      return
    }
    // It covers all that was to be told before.
    for (const earlier of this.batches) {
      earlier.changes = []
      earlier.everything = false
    }
    this.waiting = 0
    batch.everything = true
  }

  end(): void {
    this.isEnabled = false
    const { context, memory } = this.connection
    context.keyTracking.leave(this.automation, this, this.prefixes.values())
    memory.give(bytesOf(this.prefixes.values()))
    this.prefixes.clear()
  }

  private readonly noteOwn = (version: number): void => {
    const { ownVersions } = this
    if (ownVersions.size >= MAX_OWN_VERSIONS) {
      const [oldest] = ownVersions
      ownVersions.delete(oldest!)
    }
    ownVersions.add(version)
  }

  private batchAt(place: ReplyPlace): Batch {
    const last = this.batches.at(-1)
    if (last?.place === place) return last
    const batch: Batch = { place, changes: [], everything: false }
    this.batches.push(batch)
    place.behind ??= []
    place.behind.push(() => {
      // Replies are sent in their order, so it is the first.
      this.batches.shift()
      for (const changes of batch.changes) this.waiting -= changes.length
      this.send(batch.everything ? undefined : batch.changes)
    })
    return batch
  }

  private send(told: ReadonlyArray<readonly Change[]> | undefined): void {
    if (!this.isEnabled) return
    if (told === undefined) {
      // Behind a link that was lost there may be another history, with the same versions.
      this.ownVersions.clear()
      this.push(null)
      return
    }
    for (const changes of told) {
      const names = this.namesOf(changes)
      if (names.length > 0) this.push(names)
    }
  }

  private namesOf(changes: readonly Change[]): readonly Buffer[] {
    const { ownVersions } = this
    const others = changes.filter(({ version, isShared }) => isShared || !ownVersions.has(version))
    if (others.length < 2) return others.map(({ name }) => name)
    return [...new Map(others.map(({ name }) => [idOf(name), name])).values()]
  }

  /** In RESP2 nothing can be told but to a listener, to which it looks like a message. */
  private push(names: Reply): void {
    const { connection } = this
    const { redirect } = this.options
    const receiver = redirect ?? connection
    if (redirect !== undefined && !isThere(redirect, this.automation)) {
      this.isBroken = true
      if (connection.protocol === 3) connection.push(new PushReply(['tracking-redir-broken', redirect.id]))
    } else if (receiver.protocol === 3) receiver.push(new PushReply(['invalidate', names]))
    else if (redirect?.subscribed === true) receiver.push(new PushReply(['message', CHANNEL, names]))
  }
}

/** It is open, and logged in to the same automation. */
const isThere = ({ isOpen, automation }: TrackingConnection, { id }: Automation): boolean =>
  isOpen && automation?.id === id

/** What is held for prefixes, in bytes. */
const bytesOf = (prefixes: Iterable<Buffer>): number => {
  let bytes = 0
  for (const { length } of prefixes) bytes += length + PREFIX_BYTES
  return bytes
}
