const FIRST_BLOCK = 4096
const LARGEST_BLOCK = 65536
/**
 * A part from this size on is kept as it came, unless the chunk that it keeps alive is more than twice as
 * long.
 */
const REFERENCE_FROM = 16384

/**
 * The received bytes of a request that is not whole yet. Small parts are gathered into blocks that double,
 * because a Buffer object per received byte costs a hundred times that byte; large ones are kept by
 * reference, so that a long value is copied once, when it is whole.
 */
export class RequestParts {
  private parts: Buffer[] = []
  private block: Buffer | undefined
  private blockFrom = 0
  private blockUsed = 0
  private bytes = 0
  /**
   * Memory that the parts take, unused rest of the blocks included. Blocks of 4, 4, 8, 16 and 32 KiB hold the
   * first 64 KiB.
   */
  heldBytes = 0

  get empty(): boolean {
    return this.bytes === 0
  }

  /**
   * `copy` forbids references: a peer that has not logged in must not keep a whole chunk alive with a part of
   * it.
   */
  add(part: Buffer, copy: boolean): void {
    this.bytes += part.length
    if (!copy && part.length >= REFERENCE_FROM && part.length * 2 >= part.buffer.byteLength) {
      this.closeBlock()
      this.parts.push(part)
      this.heldBytes += part.buffer.byteLength
      return
    }
    let from = 0
    while (from < part.length) {
      if (this.block === undefined || this.blockUsed === this.block.length) {
        this.closeBlock()
        const size = Math.min(LARGEST_BLOCK, Math.max(FIRST_BLOCK, this.bytes - part.length + from))
        this.block = Buffer.allocUnsafeSlow(size)
        this.blockFrom = this.blockUsed = 0
        this.heldBytes += size
      }
      const copied = part.copy(this.block, this.blockUsed, from)
      this.blockUsed += copied
      from += copied
    }
  }

  /** Everything that was added, then `last`, as one buffer; the parts are empty after it. */
  join(last: Buffer): Buffer {
    this.closeBlock()
    const whole = Buffer.concat([...this.parts, last], this.bytes + last.length)
    this.clear()
    return whole
  }

  clear(): void {
    if (this.heldBytes === 0) return
    this.parts = []
    this.block = undefined
    this.blockFrom = this.blockUsed = this.bytes = this.heldBytes = 0
  }

  private closeBlock(): void {
    if (this.block === undefined || this.blockUsed === this.blockFrom) return
    this.parts.push(this.block.subarray(this.blockFrom, this.blockUsed))
    this.blockFrom = this.blockUsed
  }
}
