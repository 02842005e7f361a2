import { Fifo } from '../lib/fifo.ts'

interface Entry<T> {
  readonly items: Fifo<T>
  /** Virtual time at which its next item begins. */
  start: number
  running: number
}

/**
 * What waits for a thread, by automation: the one that has used the least time comes first (start-time fair
 * queueing, https://doi.org/10.1145/248157.248171). One that was idle begins at the present, so it neither
 * saves up time nor pays for what it used long ago.
 */
export class FairQueue<T> {
  private readonly entries = new Map<string, Entry<T>>()
  /** The virtual time of the item that was taken last. */
  private now = 0

  add(id: string, item: T): void {
    let entry = this.entries.get(id)
    if (entry === undefined) {
      entry = { items: new Fifo(), start: this.now, running: 0 }
      this.entries.set(id, entry)
    }
    if (entry.items.size === 0 && entry.running === 0) entry.start = Math.max(entry.start, this.now)
    entry.items.push(item)
  }

  /** The next item, whose end is told by `finished`. */
  take(): { readonly id: string; readonly item: T } | undefined {
    let next: [string, Entry<T>] | undefined
    for (const each of this.entries) {
      if (each[1].items.size > 0 && (next === undefined || each[1].start < next[1].start)) next = each
    }
    if (next === undefined) return undefined
    const [id, entry] = next
    this.now = Math.max(this.now, entry.start)
    entry.running++
    return { id, item: entry.items.shift()! }
  }

  /** Whether anything was added that was not taken. */
  get hasWaiting(): boolean {
    for (const { items } of this.entries.values()) if (items.size > 0) return true
    return false
  }

  /** An item of `id` took `ms`. */
  finished(id: string, ms: number): void {
    const entry = this.entries.get(id)
    if (entry === undefined) return
    entry.running--
    entry.start += ms
    this.forgetIdle()
  }

  /** Everything that was not taken. */
  drain(): T[] {
    const rest = [...this.entries.values()].flatMap(({ items }) => items.drain())
    this.entries.clear()
    return rest
  }

  /** Only what lies ahead of the present has to be remembered. */
  private forgetIdle(): void {
    for (const [id, { items, running, start }] of this.entries) {
      if (items.size === 0 && running === 0 && start <= this.now) this.entries.delete(id)
    }
    if (this.entries.size > 0) {
      // With nobody waiting time goes on to the first that is remembered, or it would be remembered for ever.
      const all = [...this.entries.values()]
      if (all.every(({ items, running }) => items.size === 0 && running === 0))
        this.now = Math.max(this.now, Math.min(...all.map(({ start }) => start)))
    }
  }
}
