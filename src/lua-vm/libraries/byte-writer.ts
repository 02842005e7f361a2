/** Bytes that grow by doubling; numbers are big-endian. */
export class ByteWriter {
  private room = Buffer.allocUnsafe(256)
  length = 0

  byte(value: number): this {
    this.reserve(1)
    this.room[this.length++] = value
    return this
  }

  uint16(value: number): this {
    this.reserve(2)
    this.length = this.room.writeUInt16BE(value, this.length)
    return this
  }

  uint32(value: number): this {
    this.reserve(4)
    this.length = this.room.writeUInt32BE(value, this.length)
    return this
  }

  int64(value: bigint): this {
    this.reserve(8)
    this.length = this.room.writeBigInt64BE(value, this.length)
    return this
  }

  float(value: number): this {
    this.reserve(4)
    this.length = this.room.writeFloatBE(value, this.length)
    return this
  }

  double(value: number): this {
    this.reserve(8)
    this.length = this.room.writeDoubleBE(value, this.length)
    return this
  }

  bytes(value: Uint8Array): this {
    this.reserve(value.length)
    this.room.set(value, this.length)
    this.length += value.length
    return this
  }

  latin1(text: string): this {
    this.reserve(text.length)
    this.length += this.room.write(text, this.length, 'latin1')
    return this
  }

  take(): Buffer {
    return this.room.subarray(0, this.length)
  }

  private reserve(count: number): void {
    if (this.length + count <= this.room.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.room.length * 2, this.length + count))
    larger.set(this.take())
    this.room = larger
  }
}
