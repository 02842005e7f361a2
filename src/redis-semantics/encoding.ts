import type { Buffer } from 'node:buffer'
import { parseInteger } from './integers.ts'

/**
 * What OBJECT ENCODING says in Redis 7.0 with its default settings, worked out from the plaintext. Redis also
 * remembers how a value came to be, which these functions cannot know: a string after APPEND or SETRANGE is
 * `raw` at any length, and a collection that once grew past a limit keeps its larger encoding. Source:
 * https://redis.io/docs/latest/commands/object-encoding/
 */
export type StringEncoding = 'int' | 'embstr' | 'raw'

const MAX_EMBSTR_BYTES = 44
const MAX_LISTPACK_ITEM_BYTES = 64
const MAX_HASH_LISTPACK_FIELDS = 512
const MAX_ZSET_LISTPACK_MEMBERS = 128
export const MAX_INTSET_MEMBERS = 512

export function stringEncoding(value: Buffer): StringEncoding {
  if (parseInteger(value) !== undefined) return 'int'
  return value.length <= MAX_EMBSTR_BYTES ? 'embstr' : 'raw'
}

/**
 * Whether there are at most `maxCount` items and `fits` holds for each; stops reading at the first that
 * breaks it.
 */
function allFit(items: Iterable<Buffer>, maxCount: number, fits: (item: Buffer) => boolean): boolean {
  let count = 0
  for (const item of items) {
    if (++count > maxCount || !fits(item)) return false
  }
  return true
}

const isShort = (item: Buffer): boolean => item.length <= MAX_LISTPACK_ITEM_BYTES

/** `fieldsAndValues` holds the names and the values, in any order. */
export function hashEncoding(fieldsAndValues: Iterable<Buffer>): 'listpack' | 'hashtable' {
  return allFit(fieldsAndValues, 2 * MAX_HASH_LISTPACK_FIELDS, isShort) ? 'listpack' : 'hashtable'
}

export function setEncoding(members: Iterable<Buffer>): 'intset' | 'hashtable' {
  return allFit(members, MAX_INTSET_MEMBERS, (member) => parseInteger(member) !== undefined)
    ? 'intset'
    : 'hashtable'
}

export function sortedSetEncoding(members: Iterable<Buffer>): 'listpack' | 'skiplist' {
  return allFit(members, MAX_ZSET_LISTPACK_MEMBERS, isShort) ? 'listpack' : 'skiplist'
}

/** Lists have one encoding before Redis 7.2, streams have only one. */
export const LIST_ENCODING = 'quicklist'
export const STREAM_ENCODING = 'stream'
