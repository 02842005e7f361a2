import { setImmediate as nextTurn } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { type BackingReply, isBackingKey, type ScriptArg } from '../../../../src/backing/backing.ts'
import { EventSettings } from '../../../../src/engine/notifications/event-settings.ts'
import { creates, leaves, nativeWrite } from '../../../../src/engine/writes/native-write.ts'
import { WriteBatch, WriteBatches } from '../../../../src/engine/writes/write-batch.ts'
import { NOTHING_WRITTEN, type Written } from '../../../../src/engine/writes/written.ts'
import { KvError } from '../../../../src/errors/errors.ts'
import { automationOf, RecordingBacking } from '../../helpers.ts'

const automation = automationOf('one')
const QUOTA = { maxKeys: 100, maxBytes: 4_096, maxElements: 10 }
const key = (name: string): Buffer => Buffer.from(name)
const set = (name: string, value: string | Buffer = 'v') =>
  nativeWrite('SET', key(name), creates.withoutTtl, 'any-reply', [Buffer.from(value)])
const OK = Buffer.from('OK')
const ignore = (): void => {}
const textOf = (word: ScriptArg): string => String(isBackingKey(word) ? word.toBuffer() : word)

let backing: RecordingBacking
let batches: WriteBatches

beforeEach(() => {
  backing = new RecordingBacking()
  batches = new WriteBatches(backing, QUOTA, new EventSettings(backing))
})

/** How many requests each script call carried that was sent so far. */
const sizes = (): number[] => backing.scripts.map(({ args }) => Number(args[0]) - 2)

describe('what goes into a batch', () => {
  test.each([
    ['one command whose key comes first', [set('k')], true],
    ['nothing', [], false],
    ['several commands', [set('a'), set('b')], false],
    ['a command with something before its key', [{ ...set('k'), before: ['CREATE'] }], false],
    ['a command on several keys', [{ ...set('k'), more: [key('l')] }], false],
    [
      'a thousand arguments',
      [
        nativeWrite(
          'RPUSH',
          key('k'),
          leaves.withItsTtl,
          'any-reply',
          Array.from({ length: 1_000 }, () => 'x'),
        ),
      ],
      true,
    ],
    [
      'more than a thousand',
      [
        nativeWrite(
          'RPUSH',
          key('k'),
          leaves.withItsTtl,
          'any-reply',
          Array.from({ length: 1_001 }, () => 'x'),
        ),
      ],
      false,
    ],
    [
      'a reply that must be looked into (XREADGROUP)',
      [nativeWrite('XREADGROUP', key('k'), leaves.withItsTtl, 'entries-of-the-key')],
      false,
    ],
    [
      'a reply that must be looked into (XAUTOCLAIM)',
      [nativeWrite('XAUTOCLAIM', key('k'), leaves.withItsTtl, 'claimed-entries')],
      false,
    ],
  ])('%s', (_title, operations, takes) => {
    expect(WriteBatch.takes(operations)).toBe(takes)
  })
})

describe('a batch', () => {
  test('is what met in one turn, in order, in one call for each automation', async () => {
    const other = automationOf('other')
    batches.add(automation, set('a', '1'), ignore)
    batches.add(other, set('x'), ignore)
    batches.add(automation, nativeWrite('INCRBY', key('b'), creates.withItsTtl, 'any-reply', [5]), ignore)
    expect(backing.scripts).toEqual([])
    await nextTurn()
    expect(backing.scripts.map(({ script }) => script)).toEqual(['many', 'many'])
    expect(backing.scripts.map(({ args }) => args.map(textOf))).toEqual([
      [
        '4',
        'kv:{one}:v',
        'kv:{one}:i',
        'kv:{one}:k:a',
        'kv:{one}:k:b',
        String(automation.prefix.length),
        '100',
        '4096',
        '10',
        'Saw1',
        'SET',
        '1',
        'Kao1',
        'INCRBY',
        '5',
      ],
      [
        '3',
        'kv:{other}:v',
        'kv:{other}:i',
        'kv:{other}:k:x',
        String(other.prefix.length),
        '100',
        '4096',
        '10',
        'Saw1',
        'SET',
        'v',
      ],
    ])
    await nextTurn()
    expect(sizes()).toEqual([2, 1])
  })

  test('holds at most 128 requests', async () => {
    for (let i = 0; i < 300; i++) batches.add(automation, set(`k${i}`), ignore)
    expect(sizes()).toEqual([128, 128])
    await nextTurn()
    expect(sizes()).toEqual([128, 128, 44])
  })

  test('is sent as soon as it holds 256 KiB', async () => {
    const value = Buffer.alloc(100 * 1024)
    for (let i = 0; i < 4; i++) batches.add(automation, set(`k${i}`, value), ignore)
    expect(sizes()).toEqual([3])
    await nextTurn()
    expect(sizes()).toEqual([3, 1])
  })

  test('that is flushed before the end of the turn is followed by another', async () => {
    const batch = batches.add(automation, set('a'), ignore)
    batch.flush()
    const second = batches.add(automation, set('b'), ignore)
    expect(second).not.toBe(batch)
    // Once more does nothing, above all not to its successor.
    batch.flush()
    expect(batches.add(automation, set('c'), ignore)).toBe(second)
    await nextTurn()
    expect(sizes()).toEqual([1, 2])
  })
})

describe('the answer', () => {
  const written: Array<readonly [Error | null, readonly BackingReply[], Written]> = []
  const note = (...outcome: readonly [Error | null, readonly BackingReply[], Written]): void =>
    void written.push(outcome)

  beforeEach(() => void written.splice(0))

  test('is parted among the requests; one that the quota refuses fails alone', async () => {
    for (const name of ['a', 'b', 'c']) batches.add(automation, set(name), note)
    await nextTurn()
    const refusal = ['bytes', '4000', '4096'].map((word) => Buffer.from(word))
    backing.scripts[0]!.answer(null, [Buffer.from('1234'), OK, 7, 1, refusal, -1, 0, OK, 8, 2])
    expect(written[0]).toEqual([null, [OK], { version: 7, now: 1234, created: 1, changed: true }])
    expect(written[1]![0]).toBeInstanceOf(KvError)
    expect(written[1]![0]).toMatchObject({
      message: 'OOM automation quota exceeded: 4000 of 4096 bytes are used',
      detail: { limit: 'bytes', used: 4_000, allowed: 4_096 },
    })
    expect(written[2]).toEqual([null, [OK], { version: 8, now: 1234, created: 0, changed: true }])
  })

  test('that failed fails for each of them', async () => {
    for (const name of ['a', 'b']) batches.add(automation, set(name), note)
    await nextTurn()
    const error = new KvError('outcome_unknown')
    backing.scripts[0]!.answer(error, null)
    expect(written).toEqual(Array.from({ length: 2 }, () => [error, [], NOTHING_WRITTEN]))
  })
})
