/** A message that the server sent by itself (RESP3). */
export class Push {
  readonly items: readonly RespReply[]

  constructor(items: readonly RespReply[]) {
    this.items = items
  }
}

/** A reply as a value. Strings of every kind are their bytes; an error is an `Error` with its whole text. */
export type RespReply =
  | Buffer
  | number
  | bigint
  | boolean
  | null
  | Error
  | RespReply[]
  | Set<RespReply>
  | Map<RespReply, RespReply>
  | Push

const BLOBS = '$=!'
const COLLECTIONS = '*~>%'

/** How many replies a collection of the type holds, by the number in its header. */
const itemsOf = (type: string, count: number): number => (type === '%' ? 2 * count : count)

/** The end of the reply that starts at `at`, in RESP2 or RESP3, or -1 when it is not all there. */
export function endOfReply(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return -1
  const after = lineEnd + 2
  const type = String.fromCharCode(bytes[at]!)
  if (!BLOBS.includes(type) && !COLLECTIONS.includes(type)) return after
  const count = Number(bytes.toString('latin1', at + 1, lineEnd))
  if (count < 0) return after
  if (BLOBS.includes(type)) return bytes.length >= after + count + 2 ? after + count + 2 : -1
  let end = after
  for (let i = 0; i < itemsOf(type, count) && end >= 0; i++) end = endOfReply(bytes, end)
  return end
}

const NON_FINITE: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN }

/** One whole reply. Throws on a type that is none of RESP2 or RESP3. */
export function decodeReply(bytes: Buffer): RespReply {
  let at = 0
  const read = (): RespReply => {
    const type = String.fromCharCode(bytes[at]!)
    const lineEnd = bytes.indexOf('\r\n', at)
    const line = bytes.subarray(at + 1, lineEnd)
    const text = line.toString('latin1')
    at = lineEnd + 2
    const blob = (): Buffer => {
      const content = bytes.subarray(at, at + Number(text))
      at += Number(text) + 2
      return content
    }
    const items = (): RespReply[] => Array.from({ length: itemsOf(type, Number(text)) }, read)
    switch (type) {
      case '+':
        return line
      case '-':
        return new Error(line.toString())
      case ':':
        return Number(text)
      case '$':
        return text === '-1' ? null : blob()
      case '*':
        return text === '-1' ? null : items()
      case '_':
        return null
      case '#':
        return text === 't'
      case ',':
        return NON_FINITE[text] ?? Number(text)
      case '(':
        return BigInt(text)
      case '!':
        return new Error(blob().toString())
      case '=':
        // Behind a format of three letters and a colon.
        return blob().subarray(4)
      case '~':
        return new Set(items())
      case '>':
        return new Push(items())
      case '%': {
        const flat = items()
        return new Map(flat.flatMap((key, i) => (i % 2 === 0 ? [[key, flat[i + 1]!] as const] : [])))
      }
      default:
        throw new Error(`no RESP type: ${JSON.stringify(type)}`)
    }
  }
  return read()
}

/**
 * A reply as text: `-ERR ...` for an error, `(nil)` for null, `[a, b]` for an array, `~[a]` a set, `>[a]` a
 * push, `{k: v}` a map.
 */
export function show(reply: RespReply): string {
  if (reply === null) return '(nil)'
  if (reply instanceof Error) return `-${reply.message}`
  if (Array.isArray(reply)) return `[${reply.map(show).join(', ')}]`
  if (reply instanceof Set) return `~[${[...reply].map(show).join(', ')}]`
  if (reply instanceof Push) return `>[${reply.items.map(show).join(', ')}]`
  if (reply instanceof Map)
    return `{${[...reply].map(([key, value]) => `${show(key)}: ${show(value)}`).join(', ')}}`
  return reply.toString()
}
