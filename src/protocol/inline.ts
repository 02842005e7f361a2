const BACKSLASH = 0x5c
const DOUBLE_QUOTE = 0x22
const SINGLE_QUOTE = 0x27

/** C's isspace: what separates arguments before a token and after a closing quote. */
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)

/** What ends an unquoted token: Redis lets a vertical tab and a form feed stand inside one. */
const endsToken = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d

const hexDigit = (byte: number | undefined): number => {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const unescaped = (byte: number): number => {
  switch (byte) {
    case 0x6e:
      return 0x0a // \n
    case 0x72:
      return 0x0d // \r
    case 0x74:
      return 0x09 // \t
    case 0x62:
      return 0x08 // \b
    case 0x61:
      return 0x07 // \a
    default:
      return byte
  }
}

/**
 * Splits an inline request (one line, without its line feed) as `sdssplitargs` of Redis 7.0 does; `null`
 * means unbalanced quotes. Stops at `maxArgs + 1` arguments, so that a line of single letters costs no more
 * than the limit. The arguments are copies. Unlike Redis, for which a NUL hides the rest of the line, every
 * byte but the separators is data.
 */
export const splitInline = (line: Buffer, maxArgs: number): Buffer[] | null => {
  const length = line.length
  const args: Buffer[] = []
  const out = Buffer.allocUnsafeSlow(length) // unescaping never makes a line longer
  let used = 0
  let pos = 0
  for (;;) {
    while (pos < length && isSpace(line[pos]!)) pos++
    if (pos >= length || args.length > maxArgs) return args
    const start = used
    let quote = 0
    while (pos < length) {
      const byte = line[pos]!
      if (quote === 0) {
        if (endsToken(byte)) break
        if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) quote = byte
        else out[used++] = byte
        pos++
      } else if (byte === quote) {
        const next = line[++pos]
        if (next !== undefined && !isSpace(next)) return null
        quote = 0
        break
      } else if (byte === BACKSLASH && quote === SINGLE_QUOTE && line[pos + 1] === SINGLE_QUOTE) {
        out[used++] = SINGLE_QUOTE
        pos += 2
      } else if (byte === BACKSLASH && quote === DOUBLE_QUOTE && pos + 1 < length) {
        const next = line[pos + 1]!
        const high = next === 0x78 ? hexDigit(line[pos + 2]) : -1
        const low = high === -1 ? -1 : hexDigit(line[pos + 3])
        if (low === -1) {
          out[used++] = unescaped(next)
          pos += 2
        } else {
          out[used++] = high * 16 + low
          pos += 4
        }
      } else {
        out[used++] = byte
        pos++
      }
    }
    if (quote !== 0) return null
    args.push(out.subarray(start, used))
  }
}
