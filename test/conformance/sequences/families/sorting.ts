import { templates } from '../words.ts'

// With BY nosort the elements of a set come in no order; with any BY, equal weights do.
export const SORTING = templates(`
  3 RPUSH key number [number ...]
  2 SADD key number [number ...]
  2 MSET key-of-one value key-of-one number
  2 HSET key 1 value 2 number
  3 SORT key [LIMIT few few] [ASC | DESC]
  3 SORT key [LIMIT few few] [ASC | DESC] ALPHA
  3 SORT key BY by [GET get] [GET get] [ALPHA] [ASC | DESC]
  2 SORT key GET get [GET get ...] ALPHA
  2 SORT key [LIMIT few few] ALPHA STORE key
  1 SORT_RO key [LIMIT few few] [ALPHA]
`)
