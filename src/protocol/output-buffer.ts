const SMALLEST_BLOCK = 1024
const LARGEST_BLOCK = 65536
/** Bulks from this size on go out by reference: copying them costs more than one more entry of a writev. */
const REFERENCE_FROM = 16384
/** Up to here a byte loop is faster than the call into native code. */
const SHORT = 48

/**
 * Bytes on their way to one socket. They are written into a block, `take` hands over what was written, and
 * writing goes on behind it in the same block: nothing is copied twice, and a handed-over chunk is never
 * written to again. Blocks grow under load and shrink after it.
 */
export class OutputBuffer {
  private block: Buffer | undefined
  private from = 0
  private pos = 0
  private chunks: Buffer[] = []
  private chunkBytes = 0
  private blockSize = SMALLEST_BLOCK

  /** Bytes written and not yet taken. */
  get bytes(): number {
    return this.chunkBytes + this.pos - this.from
  }

  /** The written bytes in order, for `socket.write` between cork and uncork; empty if there are none. */
  take(): Buffer[] {
    const taken = this.bytes
    this.closeChunk()
    const chunks = this.chunks
    if (chunks.length > 0) this.chunks = []
    this.chunkBytes = 0
    if (taken * 8 < this.blockSize && this.blockSize > SMALLEST_BLOCK) {
      this.blockSize >>= 1
      this.block = undefined
      this.from = this.pos = 0
    }
    return chunks
  }

  /** Drops what was written and not taken. */
  clear(): void {
    this.chunks = []
    this.chunkBytes = 0
    this.from = this.pos
  }

  byte(value: number): void {
    const block = this.room(1)
    block[this.pos++] = value
  }

  crlf(): void {
    const block = this.room(2)
    block[this.pos] = 0x0d
    block[this.pos + 1] = 0x0a
    this.pos += 2
  }

  /** A type byte, a non-negative integer below 2^53, CRLF: every header and every count. */
  header(type: number, value: number): void {
    const block = this.room(20)
    block[this.pos++] = type
    let end = this.pos + 1
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++
    this.pos = end
    let rest = value
    do {
      const quotient = rest < 0x40000000 ? (rest / 10) | 0 : Math.floor(rest / 10)
      block[--end] = 0x30 + (rest - quotient * 10) // in this order: beyond 2^53 a sum loses its last digit
      rest = quotient
    } while (rest > 0)
    block[this.pos++] = 0x0d
    block[this.pos++] = 0x0a
  }

  /** Copied below 16 KiB, else kept as it is: the caller does not change it afterwards. */
  buffer(data: Buffer): void {
    const length = data.length
    if (length >= REFERENCE_FROM) {
      this.closeChunk()
      this.chunks.push(data)
      this.chunkBytes += length
      return
    }
    const block = this.room(length)
    if (length <= SHORT) {
      for (let i = 0, pos = this.pos; i < length; i++) block[pos++] = data[i]!
    } else {
      data.copy(block, this.pos)
    }
    this.pos += length
  }

  /** UTF-8, of `bytes` bytes as `Buffer.byteLength` counts them. */
  text(text: string, bytes: number): void {
    if (bytes >= REFERENCE_FROM) {
      this.buffer(Buffer.from(text))
      return
    }
    const block = this.room(bytes)
    if (bytes <= SHORT && bytes === text.length) {
      for (let i = 0, pos = this.pos; i < bytes; i++) block[pos++] = text.charCodeAt(i)
    } else {
      block.write(text, this.pos, bytes, 'utf8')
    }
    this.pos += bytes
  }

  private room(bytes: number): Buffer {
    const block = this.block
    if (block !== undefined && this.pos + bytes <= block.length) return block
    this.closeChunk()
    if (this.chunkBytes > this.blockSize >> 1 && this.blockSize < LARGEST_BLOCK) this.blockSize <<= 1
    this.block = Buffer.allocUnsafeSlow(Math.max(this.blockSize, bytes))
    this.from = this.pos = 0
    return this.block
  }

  private closeChunk(): void {
    if (this.block === undefined || this.pos === this.from) return
    this.chunks.push(this.block.subarray(this.from, this.pos))
    this.chunkBytes += this.pos - this.from
    this.from = this.pos
  }
}
