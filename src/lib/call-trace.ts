/** Of what the scripts of one job call so much is kept, in bytes. */
const MAX_BYTES = 256 * 1024
const CALL_BYTES = 64

/** The commands that the scripts of a job call, for who looks on. */
export class CallTrace {
  readonly calls: (readonly Buffer[])[] = []
  private bytes = 0
  private left = 0

  add(args: readonly Buffer[]): void {
    this.bytes += args.reduce((sum, { length }) => sum + length, CALL_BYTES)
    if (this.bytes > MAX_BYTES) this.left++
    // The script may go on to use the memory of its words.
    else this.calls.push(args.map((arg) => Buffer.from(arg)))
  }

  /** All of them, or the first, and a word on how many more there were. */
  get shown(): (readonly Buffer[])[] {
    return this.left === 0 ? this.calls : [...this.calls, [Buffer.from(`... (${this.left} more calls)`)]]
  }
}
