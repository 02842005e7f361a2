/** A power of 2, as each size of the ring is. */
const SMALLEST = 8

/**
 * A queue whose both ends cost the same however long it is: a ring, which grows and shrinks with what is in
 * it.
 */
export class Fifo<T> {
  private ring = new Array<T | undefined>(SMALLEST).fill(undefined)
  private head = 0
  private count = 0

  get size(): number {
    return this.count
  }

  push(item: T): void {
    if (this.count === this.ring.length) this.resize(2 * this.count)
    this.ring[(this.head + this.count) & (this.ring.length - 1)] = item
    this.count++
  }

  /** The first, which stays; undefined when it is empty. */
  peek(): T | undefined {
    return this.ring[this.head]
  }

  /** Takes the first; undefined when it is empty. */
  shift(): T | undefined {
    if (this.count === 0) return undefined
    const { ring, head } = this
    const item = ring[head]
    ring[head] = undefined
    this.head = (head + 1) & (ring.length - 1)
    this.count--
    if (ring.length > SMALLEST && this.count * 8 < ring.length) this.resize(ring.length >> 1)
    return item
  }

  /** Takes all of them. */
  drain(): T[] {
    const rest = this.list()
    this.ring = new Array<T | undefined>(SMALLEST).fill(undefined)
    this.head = this.count = 0
    return rest
  }

  private list(): T[] {
    const { ring, head, count } = this
    const end = head + count
    const first = ring.slice(head, Math.min(end, ring.length))
    return (end <= ring.length ? first : first.concat(ring.slice(0, end - ring.length))) as T[]
  }

  private resize(size: number): void {
    const items: Array<T | undefined> = this.list()
    while (items.length < size) items.push(undefined)
    this.ring = items
    this.head = 0
  }
}
