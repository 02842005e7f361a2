import type { Backing } from '../backing/backing.ts'

/** One connection to the backing Redis, and what is on its way there. */
export interface SharedLink {
  readonly backing: Backing
  bytes: number
}

/** All connections for commands, to the same Redis. */
export class SharedLinks {
  private readonly links: readonly SharedLink[]

  constructor(backings: readonly Backing[]) {
    this.links = backings.map((backing) => ({ backing, bytes: 0 }))
  }

  /** The first of those that have least to do: commands that go together are sent together. */
  quietest(): SharedLink {
    let best = this.links[0]!
    if (best.bytes === 0 && best.backing.ready) return best
    for (const link of this.links)
      if (link.backing.ready && (link.bytes < best.bytes || !best.backing.ready)) best = link
    return best
  }

  async connect(): Promise<void> {
    await Promise.all(this.links.map(({ backing }) => backing.connect()))
  }

  get ready(): boolean {
    return this.links.some(({ backing }) => backing.ready)
  }

  /** Over every link: one that does not take writes is a fault. */
  probe(done: (error: Error | null) => void): void {
    let left = this.links.length
    let failure: Error | null = null
    for (const { backing } of this.links) {
      backing.probe((error) => {
        failure ??= error
        if (--left === 0) done(failure)
      })
    }
  }

  get version(): string {
    return this.links[0]!.backing.version
  }

  onLoss(listener: () => void): void {
    for (const { backing } of this.links) backing.onLoss(listener)
  }

  async close(): Promise<void> {
    await Promise.all(this.links.map(({ backing }) => backing.close()))
  }
}
