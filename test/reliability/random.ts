/**
 * Numbers from a seed (mulberry32): it repeats the choices of a run, though not the timing of its processes.
 */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** From 0 to below `limit`, whole. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % limit
  }

  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  fork(): Random {
    return new Random(this.below(2 ** 31))
  }
}
