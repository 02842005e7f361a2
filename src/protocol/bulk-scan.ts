import { CR, DOLLAR, LF, MAX_MULTIBULK, STAR } from './header.ts'
import type { FrameLimits } from './limits.ts'

/**
 * The end of the last whole, plain multibulk request from `start` on; `start` if there is none. One pass, no
 * state, no allocation: whatever is unfinished, unusual, wrong or above a limit ends the scan and is left to
 * the framer's state machine.
 */
export const scanWhole = (chunk: Buffer, start: number, limits: FrameLimits): number => {
  const { maxArgs, maxFrameBytes, maxBulkBytes, hardBulkBytes, authenticated, maxFramesPerEvent } = limits
  const argLimit = Math.min(maxArgs, MAX_MULTIBULK)
  const bulkLimit = Math.min(maxBulkBytes, hardBulkBytes)
  const length = chunk.length
  let end = start
  for (let frames = maxFramesPerEvent ?? (authenticated ? 256 : 1); frames > 0; frames--) {
    let pos = end + 1
    if (pos >= length || chunk[end] !== STAR) return end
    let byte = chunk[pos]!
    if (byte < 0x31 || byte > 0x39) return end
    let args = byte - 0x30
    while (++pos < length && (byte = chunk[pos]!) >= 0x30 && byte <= 0x39) args = args * 10 + byte - 0x30
    if (pos + 1 >= length || byte !== CR || chunk[pos + 1] !== LF || args > argLimit) return end
    pos += 2
    for (; args > 0; args--) {
      if (pos + 1 >= length || chunk[pos] !== DOLLAR) return end
      byte = chunk[++pos]!
      if (byte < 0x30 || byte > 0x39) return end
      let size = byte - 0x30
      if (size === 0) {
        if (++pos < length) byte = chunk[pos]!
      } else {
        while (++pos < length && (byte = chunk[pos]!) >= 0x30 && byte <= 0x39) size = size * 10 + byte - 0x30
      }
      if (pos + 1 >= length || byte !== CR || chunk[pos + 1] !== LF || size > bulkLimit) return end
      pos += size + 2
      if (pos + 1 >= length || chunk[pos] !== CR || chunk[pos + 1] !== LF) return end
      pos += 2
    }
    if (pos - end > maxFrameBytes) return end
    end = pos
  }
  return end
}
