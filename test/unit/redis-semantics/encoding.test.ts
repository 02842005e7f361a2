import { expect, test } from 'vitest'
import {
  hashEncoding,
  setEncoding,
  sortedSetEncoding,
  stringEncoding,
} from '../../../src/redis-semantics/encoding.ts'
import { COLLECTIONS, long, STRINGS, withValues } from '../../helpers/encodings.ts'

const ours = {
  hash: (names: Buffer[]) => hashEncoding(withValues(names)),
  set: setEncoding,
  zset: sortedSetEncoding,
}

test.each(STRINGS)('string %j is %s', (value, encoding) => {
  expect(stringEncoding(value)).toBe(encoding)
})

test.each(COLLECTIONS)('%s with %s', (type, _name, members, encoding) => {
  expect(ours[type](members)).toBe(encoding)
})

test('a long hash value counts as a long name does', () => {
  expect(hashEncoding([Buffer.from('f'), long(65)])).toBe('hashtable')
})
