import type { Automation } from '../../automation/automation.ts'
import type { BackingArg } from '../../backing/backing.ts'
import { idOf } from '../../lib/id.ts'

/**
 * How much of a key a computation looks at: all of it, only whether it is there and of what type, the ends of
 * it if it is a list (all of anything else), or some fields of a hash.
 */
export type Extent = 'all' | 'meta' | 'ends' | readonly Buffer[]

/** How many elements at each end. */
const END_ELEMENTS = 16

/** Lua's unpack takes some thousands of arguments; more fields than this are read with the whole hash. */
const MAX_FIELDS = 1_000

export const fieldsExtent = (fields: readonly Buffer[]): Extent =>
  fields.length > MAX_FIELDS ? 'all' : fields

export interface Need {
  readonly name: Buffer
  readonly extent: Extent
}

/** One need per key, wide enough for all. */
export function mergeNeeds(needs: Iterable<Need>): Need[] {
  const merged = new Map<string, Need>()
  for (const need of needs) {
    const id = idOf(need.name)
    const known = merged.get(id)
    merged.set(
      id,
      known === undefined ? need : { name: need.name, extent: widest(known.extent, need.extent) },
    )
  }
  return [...merged.values()]
}

function widest(a: Extent, b: Extent): Extent {
  if (a === 'all' || b === 'all') return 'all'
  if (a === 'meta') return b
  if (b === 'meta') return a
  if (a === 'ends' || b === 'ends') return a === b ? a : 'all'
  const fields = [...new Map([...a, ...b].map((field) => [idOf(field), field])).values()]
  return fields.length > MAX_FIELDS ? 'all' : fields
}

/** The reading half of a script's arguments: see snapshot.lua. `wholly`: large keys are not left out. */
export function extentArgs(needs: readonly Need[], automation: Automation, wholly = false): BackingArg[] {
  const args: BackingArg[] = []
  for (const { extent } of needs) {
    if (extent === 'all') args.push(wholly ? 'w' : 'a')
    else if (extent === 'meta') args.push('m')
    else if (extent === 'ends') args.push('e', END_ELEMENTS)
    else {
      args.push('f', extent.length)
      for (const field of extent) args.push(automation.sealer.sealField(field))
    }
  }
  return args
}
