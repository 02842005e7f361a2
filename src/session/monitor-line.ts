/** Of the arguments of a command so much is shown, in bytes. */
const MAX_SHOWN_BYTES = 64 * 1024

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** Those that Redis shows by a letter (sdscatrepr). */
const ESCAPES: ReadonlyMap<number, string> = new Map([
  [QUOTE, '\\"'],
  [BACKSLASH, '\\\\'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x07, '\\a'],
  [0x08, '\\b'],
])

const PLAIN = /^[ !#-[\]-~]*$/

function quoted(bytes: Buffer): string {
  const text = bytes.toString('latin1')
  if (PLAIN.test(text)) return `"${text}"`
  let shown = ''
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : undefined
    shown += ESCAPES.get(byte) ?? plain ?? `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return `"${shown}"`
}

/** `source`: the address of a client, `lua` for a script. `at`: milliseconds since the epoch. */
export function monitorLine(at: number, source: string, args: readonly Buffer[]): string {
  const micros = Math.floor(at * 1_000)
  const seconds = Math.floor(micros / 1_000_000)
  const time = `${seconds}.${String(micros % 1_000_000).padStart(6, '0')}`
  const words: string[] = []
  let left = MAX_SHOWN_BYTES
  for (const [i, arg] of args.entries()) {
    if (left <= 0) {
      words.push(`"... (${args.length - i} more arguments)"`)
      break
    }
    const cut = arg.length > left
    words.push(quoted(cut ? arg.subarray(0, left) : arg))
    if (cut) words.push(`"... (${arg.length - left} more bytes)"`)
    left -= arg.length + 1
  }
  return `${time} [0 ${source}] ${words.join(' ')}`
}
