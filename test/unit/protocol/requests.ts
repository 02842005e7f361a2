import { RequestDecoder } from '../../../src/protocol/decode.ts'
import { type FrameEvent, Framer } from '../../../src/protocol/framer.ts'
import type { FrameLimits } from '../../../src/protocol/limits.ts'

export const LOGGED_IN: FrameLimits = {
  maxArgs: 1024 * 1024,
  maxBulkBytes: 1024 * 1024,
  hardBulkBytes: 512 * 1024 * 1024,
  maxFrameBytes: 8 * 1024 * 1024,
  maxInlineBytes: 64 * 1024,
  authenticated: true,
}

/**
 * What came out, in order: the arguments of a command as latin1 text, `!reason` for an oversized one, the
 * text of an error.
 */
export type Outcome = string[] | string

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

export const multibulk = (...args: (string | Buffer)[]): Buffer =>
  Buffer.concat([
    bytes(`*${args.length}\r\n`),
    ...args.flatMap((arg) => {
      const data = typeof arg === 'string' ? bytes(arg) : arg
      return [bytes(`$${data.length}\r\n`), data, bytes('\r\n')]
    }),
  ])

const decoder = new RequestDecoder()

export const outcomesOf = (event: FrameEvent): Outcome[] => {
  switch (event.type) {
    case 'frames':
      return decoder.decode(event.bytes).map((args) => args.map((arg) => arg.toString('latin1')))
    case 'args':
      return [event.args.map((arg) => arg.toString('latin1'))]
    case 'oversized':
      return [`!${event.reason}`]
    case 'error':
      return [event.text]
  }
}

/** Feeds the chunks to a new framer; `check` sees it after every chunk. */
export const readAll = (
  chunks: readonly Buffer[],
  limits: FrameLimits = LOGGED_IN,
  check?: (framer: Framer) => void,
): Outcome[] => {
  const framer = new Framer(limits)
  const outcomes: Outcome[] = []
  for (const chunk of chunks) {
    framer.push(chunk, (event) => void outcomes.push(...outcomesOf(event)))
    check?.(framer)
  }
  return outcomes
}

export const cutAt = (data: Buffer, ...positions: number[]): Buffer[] => {
  const ends = [...positions.sort((a, b) => a - b), data.length]
  return ends.map((end, i) => data.subarray(i === 0 ? 0 : ends[i - 1], end))
}

export const byteByByte = (data: Buffer): Buffer[] => Array.from(data, (_, i) => data.subarray(i, i + 1))
