import type { Automation } from '../../automation/automation.ts'
import type { BackingArg } from '../../backing/backing.ts'
import { idOf } from '../../lib/id.ts'

/**
 * How much of a key a computation looks at: all of it, only whether it is there and of what type, the ends of
 * it if it is a list (long or short ones), what it takes to append to it if it is a stream, some fields of a
 * hash, or a part. It is all of anything of another type.
 */
export type Extent = 'all' | 'meta' | 'ends' | 'long-ends' | 'tail' | readonly Buffer[] | Part

/** Some fields of a hash, or members of a sorted set; all of one that has few. */
export interface Part {
  readonly of: 'hash' | 'zset'
  readonly names: readonly Buffer[]
}

/** How many elements at each end. */
const END_ELEMENTS = 16
/** The same when this many of a batch look at the ends: each may take some. */
const SEVERAL = 8
const LONG_END_ELEMENTS = 512
/** Entries at the head of a stream that trimming takes first; one with twice as many is read whole. */
const HEAD_ENTRIES = 256
/** Fields or members up to which all of them are read where a part is wanted. */
const FEW = 64

/** Lua's unpack takes some thousands of arguments; more fields than this are read with the whole hash. */
const MAX_FIELDS = 1_000

export const fieldsExtent = (fields: readonly Buffer[]): Extent =>
  fields.length > MAX_FIELDS ? 'all' : fields

export const membersExtent = (members: readonly Buffer[]): Extent =>
  members.length > MAX_FIELDS ? 'all' : { of: 'zset', names: members }

/** Fields of a hash as a part: what looks at some will often look at others. */
export const partOf = (extent: Extent): Extent => (isFields(extent) ? { of: 'hash', names: extent } : extent)

export const isEnds = (extent: Extent): boolean => extent === 'ends' || extent === 'long-ends'

export const isFields = (extent: Extent): extent is readonly Buffer[] => Array.isArray(extent)

export interface Need {
  readonly name: Buffer
  readonly extent: Extent
}

/** One need per key, wide enough for all. */
export function mergeNeeds(needs: Iterable<Need>): Need[] {
  const merged = new Map<string, Need>()
  const ends = new Map<string, number>()
  for (const need of needs) {
    const id = idOf(need.name)
    const known = merged.get(id)
    if (known?.extent === 'ends' && need.extent === 'ends') {
      const count = (ends.get(id) ?? 1) + 1
      ends.set(id, count)
      if (count >= SEVERAL) merged.set(id, { name: need.name, extent: 'long-ends' })
      continue
    }
    merged.set(
      id,
      known === undefined ? need : { name: need.name, extent: widest(known.extent, need.extent) },
    )
  }
  return [...merged.values()]
}

export function widest(a: Extent, b: Extent): Extent {
  if (a === 'all' || b === 'all') return 'all'
  if (a === 'meta') return b
  if (b === 'meta') return a
  if (isEnds(a) && isEnds(b)) return a === b ? a : 'long-ends'
  if (typeof a === 'string' || typeof b === 'string') return a === b ? a : 'all'
  if (isFields(a) && isFields(b)) return fieldsExtent(union(a, b))
  const [one, other] = [partOf(a) as Part, partOf(b) as Part]
  if (one.of !== other.of) return 'all'
  const names = union(one.names, other.names)
  return names.length > MAX_FIELDS ? 'all' : { of: one.of, names }
}

const union = (a: readonly Buffer[], b: readonly Buffer[]): Buffer[] => [
  ...new Map([...a, ...b].map((name) => [idOf(name), name])).values(),
]

/** The reading half of a script's arguments: see snapshot.lua. `wholly`: large keys are not left out. */
export function extentArgs(needs: readonly Need[], automation: Automation, wholly = false): BackingArg[] {
  const args: BackingArg[] = []
  for (const { extent } of needs) {
    if (extent === 'all') args.push(wholly ? 'w' : 'a')
    else if (extent === 'meta') args.push('m')
    else if (extent === 'ends') args.push('e', END_ELEMENTS)
    else if (extent === 'long-ends') args.push('e', LONG_END_ELEMENTS)
    else if (extent === 'tail') args.push('t', HEAD_ENTRIES)
    else if (isFields(extent)) {
      args.push('f', extent.length)
      for (const field of extent) args.push(automation.sealer.sealField(field))
    } else if (extent.of === 'hash') {
      args.push('h', extent.names.length, FEW)
      for (const field of extent.names) args.push(automation.sealer.sealField(field))
    } else {
      args.push('z', extent.names.length, FEW)
      for (const member of extent.names) args.push(automation.sealer.sealMember(member))
    }
  }
  return args
}
