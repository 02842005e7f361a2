import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FrameEvent, Framer } from '../../../src/protocol/framer.ts'
import { type FrameLimits, UNAUTHENTICATED_LIMITS } from '../../../src/protocol/limits.ts'
import { bytes, cutAt, LOGGED_IN, multibulk, type Outcome, outcomesOf, readAll } from './requests.ts'

const TINY: FrameLimits = {
  ...LOGGED_IN,
  maxArgs: 5,
  maxBulkBytes: 6,
  hardBulkBytes: 12,
  maxFrameBytes: 40,
  maxInlineBytes: 30,
}

/** Pieces of the protocol, right and wrong, so that random input gets past the first byte. */
const fragment = fc.oneof(
  fc.constantFrom('*', '$', '\r\n', '\r', '\n', '*1\r\n', '*2\r\n', '*0\r\n', '*-1\r\n', '"', "'", '\\x'),
  fc.constantFrom('$0\r\n\r\n', '$4\r\nPING\r\n', '$-1\r\n', '$9\r\n'),
  fc.constantFrom(
    '*1000000000\r\n',
    '$999999999\r\n',
    '*1\r\n$7\r\n1234567\r\n',
    '*1\r\n:5\r\n',
    ' ',
    '0',
    '1',
    '-',
    '\0',
    'PING\r\n',
  ),
  fc.uint8Array({ maxLength: 12 }).map((data) => Buffer.from(data).toString('latin1')),
)
const junk = fc.oneof(
  fc.array(fragment, { maxLength: 30 }).map((parts) => bytes(parts.join(''))),
  fc.uint8Array({ maxLength: 300 }).map((data) => Buffer.from(data)),
)
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })
const cutRandomly = (data: Buffer, shares: readonly number[]): Buffer[] =>
  cutAt(data, ...shares.map((share) => Math.floor(share * data.length)))

const argument = fc.uint8Array({ maxLength: 40 }).map((data) => Buffer.from(data))
const command = fc.array(argument, { minLength: 1, maxLength: 6 })
const asText = (commands: readonly Buffer[][]): Outcome[] =>
  commands.map((args) => args.map((arg) => arg.toString('latin1')))

describe('fuzz', () => {
  test.each([
    ['logged in', LOGGED_IN],
    ['tiny limits', TINY],
    ['before login', UNAUTHENTICATED_LIMITS],
    ['before login, tiny limits', { ...TINY, authenticated: false }],
  ])('junk never throws, and means the same however it is cut: %s', (_, limits) => {
    fc.assert(
      fc.property(junk, cuts, (data, shares) => {
        expect(readAll(cutRandomly(data, shares), limits)).toEqual(readAll([data], limits))
      }),
      { numRuns: 1000 },
    )
  })

  test('before login never more than 64 KiB are held', () => {
    const long = fc
      .tuple(fragment, fc.integer({ min: 1, max: 20000 }))
      .map(([text, times]) => bytes(text.repeat(times)).subarray(0, 60000))
    const part = fc.oneof(
      long,
      junk,
      command.map((args) => multibulk(...args)),
    )
    const stream = fc.array(part, { maxLength: 6 }).map((parts) => Buffer.concat(parts))
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 65536 }), (data, size) => {
        const count = Math.min(2000, Math.ceil(data.length / size))
        const chunks = Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size))
        let most = 0
        readAll(chunks, UNAUTHENTICATED_LIMITS, (framer) => {
          most = Math.max(most, framer.bufferedBytes)
        })
        expect(most).toBeLessThanOrEqual(65536)
      }),
      { numRuns: 150 },
    )
  })

  test('commands decode to themselves however they are cut', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 12 }), cuts, (commands, shares) => {
        const data = Buffer.concat(commands.map((args) => multibulk(...args)))
        expect(readAll(cutRandomly(data, shares))).toEqual(asText(commands))
      }),
      { numRuns: 500 },
    )
  })

  test('long commands decode to themselves however they are cut', () => {
    const longCommand = fc.array(fc.integer({ min: 0, max: 120000 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(longCommand, { minLength: 1, maxLength: 3 }), cuts, (lengths, shares) => {
        const commands = lengths.map((sizes, i) => sizes.map((size, j) => Buffer.alloc(size, 97 + i * 4 + j)))
        const data = Buffer.concat(commands.map((args) => multibulk(...args)))
        // Copies, as a socket gives them: each chunk has memory of its own.
        expect(readAll(cutRandomly(data, shares).map((chunk) => Buffer.from(chunk)))).toEqual(
          asText(commands),
        )
      }),
      { numRuns: 60 },
    )
  })

  test('pauses lose and repeat nothing', () => {
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 12 }),
        cuts,
        fc.array(fc.boolean(), { maxLength: 12 }),
        (commands, shares, pauses) => {
          const framer = new Framer({ ...LOGGED_IN, maxFramesPerEvent: 2 })
          const outcomes: Outcome[] = []
          let events = 0
          const onFrame = (event: FrameEvent): boolean => {
            outcomes.push(...outcomesOf(event))
            return pauses[events++ % Math.max(1, pauses.length)] ?? true
          }
          for (const chunk of cutRandomly(Buffer.concat(commands.map((args) => multibulk(...args))), shares))
            framer.push(chunk, onFrame)
          while (framer.paused) framer.resume(onFrame)
          expect(outcomes).toEqual(asText(commands))
          expect(framer.bufferedBytes).toBe(0)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('an inline request with every byte escaped decodes to itself', () => {
    fc.assert(
      fc.property(command, cuts, (args, shares) => {
        const quoted = args.map(
          (arg) => `"${Array.from(arg, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}"`,
        )
        expect(readAll(cutRandomly(bytes(`${quoted.join(' ')}\r\n`), shares))).toEqual(asText([args]))
      }),
      { numRuns: 200 },
    )
  })
})
