import { describe, expect, test } from 'vitest'
import {
  LIST_ENCODING,
  STREAM_ENCODING,
  hashEncoding,
  setEncoding,
  sortedSetEncoding,
  stringEncoding,
} from '../../../src/redis-semantics/encoding.ts'
import { useRedis70 } from '../../conformance/lib/redis-70.ts'

const numbered = (count: number, prefix = ''): Buffer[] => Array.from({ length: count }, (_, i) => Buffer.from(`${prefix}${i}`))
const long = (length: number): Buffer => Buffer.alloc(length, 'x')

const STRINGS: [Buffer, string][] = [
  [Buffer.from('12'), 'int'],
  [Buffer.from('-9223372036854775808'), 'int'],
  [Buffer.from('9223372036854775808'), 'embstr'],
  [Buffer.from('01'), 'embstr'],
  [Buffer.alloc(0), 'embstr'],
  [long(44), 'embstr'],
  [long(45), 'raw'],
]

const COLLECTIONS: ['hash' | 'set' | 'zset', string, Buffer[], string][] = [
  ['hash', '512 fields', numbered(512), 'listpack'],
  ['hash', '513 fields', numbered(513), 'hashtable'],
  ['hash', 'a name of 64 bytes', [long(64)], 'listpack'],
  ['hash', 'a name of 65 bytes', [long(65)], 'hashtable'],
  ['set', '512 integers', numbered(512), 'intset'],
  ['set', '513 integers', numbered(513), 'hashtable'],
  ['set', 'one word', numbered(1, 'm'), 'hashtable'],
  ['set', 'a leading zero', [Buffer.from('01')], 'hashtable'],
  ['zset', '128 members', numbered(128), 'listpack'],
  ['zset', '129 members', numbered(129), 'skiplist'],
  ['zset', 'a member of 64 bytes', [long(64)], 'listpack'],
  ['zset', 'a member of 65 bytes', [long(65)], 'skiplist'],
]

const withValues = (names: Buffer[]): Buffer[] => names.flatMap((name) => [name, Buffer.from('v')])
const ours = { hash: (names: Buffer[]) => hashEncoding(withValues(names)), set: setEncoding, zset: sortedSetEncoding }

test.each(STRINGS)('string %j is %s', (value, encoding) => {
  expect(stringEncoding(value)).toBe(encoding)
})

test.each(COLLECTIONS)('%s with %s', (type, _name, members, encoding) => {
  expect(ours[type](members)).toBe(encoding)
})

test('a long hash value counts as a long name does', () => {
  expect(hashEncoding([Buffer.from('f'), long(65)])).toBe('hashtable')
})

describe('against Redis', () => {
  const call = useRedis70()

  const encodingOf = async (...write: [string, ...(Buffer | string)[]]) => {
    void call('DEL', 'k')
    void call(...write)
    return String(await call('OBJECT', 'ENCODING', 'k'))
  }

  test.each(STRINGS)('string %j is %s', async (value, encoding) => {
    expect(await encodingOf('SET', 'k', value)).toBe(encoding)
  })

  test.each(COLLECTIONS)('%s with %s', async (type, _name, members, encoding) => {
    const write: Record<typeof type, [string, ...(Buffer | string)[]]> = {
      hash: ['HSET', 'k', ...withValues(members)],
      set: ['SADD', 'k', ...members],
      zset: ['ZADD', 'k', ...members.flatMap((member) => ['1', member])],
    }
    expect(await encodingOf(...write[type])).toBe(encoding)
  })

  test('lists and streams', async () => {
    expect(await encodingOf('RPUSH', 'k', 'a')).toBe(LIST_ENCODING)
    expect(await encodingOf('XADD', 'k', '*', 'f', 'v')).toBe(STREAM_ENCODING)
  })
})
