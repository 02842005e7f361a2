import { templates } from '../words.ts'

export const BITMAPS = templates(`
  5 SETBIT key offset bit
  3 GETBIT key offset
  4 SET key zeros
  3 BITCOUNT key [index index [BYTE | BIT]]
  3 BITPOS key bit [index [index [BYTE | BIT]]]
  2 BITOP <AND | OR | XOR> key key [key ...]
  1 BITOP NOT key key
  4 BITFIELD key [GET encoding offset] [OVERFLOW <WRAP | SAT | FAIL>] [SET encoding offset number] [OVERFLOW <WRAP | SAT | FAIL>] [INCRBY encoding offset increment]
  1 BITFIELD_RO key GET encoding offset
  1 BITFIELD_RO key GET encoding offset SET encoding offset number
  1 STRLEN key
`)
