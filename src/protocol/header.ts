export const STAR = 0x2a
export const DOLLAR = 0x24
export const CR = 0x0d
export const LF = 0x0a
/** Most arguments of one request, whatever the limits say. */
export const MAX_MULTIBULK = 1024 * 1024

const MAX_INT64 = 2 ** 63

/**
 * The number of a `*` or `$` header, fed byte by byte, by the rules of Redis's string2ll: no leading zero, no
 * plus, 64 bits.
 */
export class HeaderNumber {
  /** Bytes read. */
  length = 0
  malformed = false
  private magnitude = 0
  private digits = 0
  private negative = false

  get valid(): boolean {
    return !this.malformed && this.digits > 0
  }

  get value(): number {
    return this.negative ? -this.magnitude : this.magnitude
  }

  begin(): void {
    this.length = this.magnitude = this.digits = 0
    this.negative = this.malformed = false
  }

  read(byte: number): void {
    const leadingZero = this.magnitude === 0 && (this.digits > 0 || (this.negative && byte === 0x30))
    if (byte === 0x2d && this.length === 0) {
      this.negative = true
    } else if (byte < 0x30 || byte > 0x39 || leadingZero) {
      this.malformed = true
    } else {
      this.magnitude = this.magnitude * 10 + byte - 0x30
      this.digits++
      if (this.magnitude >= MAX_INT64) this.malformed = true
    }
    this.length++
  }
}
