/**
 * A bounded Map that forgets what has not been used for long: in two generations, of which the older one is
 * dropped when the younger one is full. A hit costs one look-up; keeping the exact order of use, as an LRU
 * list does, took a tenth of the time of a pipelined GET.
 */
export class RecentMap<V> {
  private readonly capacity: number
  private readonly sizeOf: (value: V, key: string) => number
  private young = new Map<string, V>()
  private old = new Map<string, V>()
  private youngSize = 0

  /**
   * Holds entries of at most `capacity` together, in the unit of `sizeOf`, and of at least half of it once it
   * was full.
   */
  constructor(capacity: number, sizeOf: (value: V, key: string) => number) {
    this.capacity = capacity
    this.sizeOf = sizeOf
  }

  get(key: string): V | undefined {
    const known = this.young.get(key)
    if (known !== undefined) return known
    const older = this.old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  /** A new value of a key is taken to be as large as the one before. */
  set(key: string, value: V): void {
    if (!this.young.has(key)) {
      const size = this.sizeOf(value, key)
      if (this.youngSize + size > this.capacity / 2) {
        this.old = this.young
        this.young = new Map()
        this.youngSize = 0
      }
      this.youngSize += size
    }
    this.young.set(key, value)
  }

  delete(key: string): void {
    this.young.delete(key)
    this.old.delete(key)
  }

  clear(): void {
    this.young = new Map()
    this.old = new Map()
    this.youngSize = 0
  }
}
