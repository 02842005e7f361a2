import { describe, expect, test } from 'vitest'
import { LIST_ENCODING, STREAM_ENCODING } from '../../../src/redis-semantics/encoding.ts'
import { COLLECTIONS, STRINGS, withValues } from '../../helpers/encodings.ts'
import { useRedis70 } from '../lib/redis-70.ts'

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
