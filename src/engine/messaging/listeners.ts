import { idOf } from '../../lib/id.ts'
import {
  type ChannelKind,
  channelMatcher,
  countsOf,
  receiversHere,
  type SubscriberCounts,
  type Topics,
} from './topics.ts'

/** Who listens to the messages of one automation, in all processes. */
export interface Listeners {
  /** Changes with what other processes tell; what was counted by an old one is not committed. */
  readonly stamp: string
  /** How many get a message. */
  receivers(kind: 'channel' | 'shard', channel: Buffer): number
  /** Whether a message on the channel may reach anybody: false only if it is certain that it does not. */
  mayHear(channel: Buffer): boolean
  /** Every name that is listened to -> how many listen. */
  numbers(kind: ChannelKind): Map<string, number>
}

/** The listeners of several processes together, as these told. */
export class ToldListeners {
  readonly parts: readonly SubscriberCounts[]
  private readonly sums = new Map<ChannelKind, ReadonlyMap<string, number>>()
  private matchers: ReadonlyArray<readonly [matches: (channel: Buffer) => boolean, count: number]> | undefined

  constructor(parts: readonly SubscriberCounts[]) {
    this.parts = parts
  }

  numbers(kind: ChannelKind): ReadonlyMap<string, number> {
    const known = this.sums.get(kind)
    if (known !== undefined) return known
    const sum = new Map<string, number>()
    for (const counts of this.parts)
      for (const [id, count] of counts[kind]) sum.set(id, (sum.get(id) ?? 0) + count)
    this.sums.set(kind, sum)
    return sum
  }

  mayHear(channel: Buffer): boolean {
    if (this.numbers('channel').has(idOf(channel))) return true
    const { size } = this.numbers('pattern')
    return size > FEW_PATTERNS || (size > 0 && this.receivers('channel', channel) > 0)
  }

  receivers(kind: 'channel' | 'shard', channel: Buffer): number {
    let sum = this.numbers(kind).get(idOf(channel)) ?? 0
    if (kind === 'shard') return sum
    this.matchers ??= Array.from(this.numbers('pattern'), ([id, count]) => [
      channelMatcher(Buffer.from(id, 'latin1')),
      count,
    ])
    for (const [matches, count] of this.matchers) if (matches(channel)) sum += count
    return sum
  }
}

/** More patterns are not matched here: a message that nobody gets costs less. */
const FEW_PATTERNS = 32

export interface PackedListeners {
  readonly stamp: string
  readonly parts: readonly SubscriberCounts[]
}

/** Those of this process as they are at the moment of asking, and the others'. */
export class LiveListeners implements Listeners {
  readonly stamp: string
  private readonly here: () => Topics | undefined
  private readonly others: ToldListeners

  constructor(stamp: string, here: () => Topics | undefined, others: ToldListeners) {
    this.stamp = stamp
    this.here = here
    this.others = others
  }

  receivers(kind: 'channel' | 'shard', channel: Buffer): number {
    const topics = this.here()
    const here = topics === undefined ? 0 : receiversHere(topics, kind, channel)
    return here + this.receiversElsewhere(kind, channel)
  }

  mayHear(channel: Buffer): boolean {
    const topics = this.here()
    if (topics !== undefined) {
      if (topics.channel.has(idOf(channel)) || topics.pattern.size > FEW_PATTERNS) return true
      for (const { matches } of topics.pattern.values()) if (matches(channel)) return true
    }
    return this.others.mayHear(channel)
  }

  receiversElsewhere(kind: 'channel' | 'shard', channel: Buffer): number {
    return this.others.receivers(kind, channel)
  }

  numbers(kind: ChannelKind): Map<string, number> {
    const sum = new Map(this.others.numbers(kind))
    for (const [id, { listeners }] of this.here()?.[kind] ?? [])
      sum.set(id, (sum.get(id) ?? 0) + listeners.size)
    return sum
  }

  /** For another thread; plain data. */
  pack(): PackedListeners {
    const topics = this.here()
    const parts = topics === undefined ? this.others.parts : [...this.others.parts, countsOf(topics)]
    return { stamp: this.stamp, parts }
  }

  /** Of all names, roughly what `pack` makes. */
  get nameBytes(): number {
    const others = this.others.parts.reduce((sum, counts) => sum + counts.nameBytes, 0)
    return (this.here()?.nameBytes ?? 0) + others
  }
}

/** The same on another thread. */
export function unpackListeners({ stamp, parts }: PackedListeners): Listeners {
  const told = new ToldListeners(parts)
  return {
    stamp,
    receivers: (kind, channel) => told.receivers(kind, channel),
    mayHear: (channel) => told.mayHear(channel),
    numbers: (kind) => new Map(told.numbers(kind)),
  }
}
