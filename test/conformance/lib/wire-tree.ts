import { endOfReply } from '../../helpers/resp-reply.ts'

/**
 * A reply cut into the wire forms of its elements, for comparing what comes in no order: bulk strings whole,
 * collections as lists.
 */
export type WireTree = string | WireTree[]

export function wireTree(bytes: Buffer): WireTree {
  let at = 0
  const read = (): WireTree => {
    const start = at
    const type = String.fromCharCode(bytes[at]!)
    const lineEnd = bytes.indexOf('\r\n', at)
    const count = Number(bytes.toString('latin1', at + 1, lineEnd))
    if ('*~>%'.includes(type) && count >= 0) {
      at = lineEnd + 2
      return [type, ...Array.from({ length: type === '%' ? 2 * count : count }, read)]
    }
    at = endOfReply(bytes, at)
    return bytes.toString('latin1', start, at)
  }
  return read()
}
