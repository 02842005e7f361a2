import type { Buffer } from 'node:buffer'
import { MAX_INTSET_MEMBERS } from './encoding.ts'
import { parseInteger } from './integers.ts'

/**
 * Members in the order in which Redis answers them, as far as it has one: a set of integers, and not too
 * many, is kept in ascending order. Others stay as they are.
 */
export function inSetOrder(members: readonly Buffer[]): readonly Buffer[] {
  if (members.length > MAX_INTSET_MEMBERS) return members
  const values: { readonly member: Buffer; readonly value: bigint }[] = []
  for (const member of members) {
    const value = parseInteger(member)
    // Most sets have other members, and end here at the first.
    if (value === undefined) return members
    values.push({ member, value })
  }
  values.sort((a, b) => (a.value < b.value ? -1 : 1))
  return values.map(({ member }) => member)
}
