/** What was shifted away in front is dropped from here on. */
const LONG = 1_024

/** A queue whose both ends cost the same however long it is. */
export class Fifo<T> {
  private items: Array<T | undefined> = []
  private head = 0

  get size(): number {
    return this.items.length - this.head
  }

  push(item: T): void {
    this.items.push(item)
  }

  /** The first, which stays; undefined when it is empty. */
  peek(): T | undefined {
    return this.items[this.head]
  }

  /** Takes the first; undefined when it is empty. */
  shift(): T | undefined {
    if (this.size === 0) return undefined
    const item = this.items[this.head]
    this.items[this.head++] = undefined
    if (this.head === this.items.length) {
      this.items = []
      this.head = 0
    } else if (this.head === LONG) {
      this.items = this.items.slice(this.head)
      this.head = 0
    }
    return item
  }

  /** Takes all of them. */
  drain(): T[] {
    const rest = this.items.slice(this.head) as T[]
    this.items = []
    this.head = 0
    return rest
  }
}
