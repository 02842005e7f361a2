/** Where the keys are among the arguments (the command's name is argument 0), as COMMAND tells it. */
export interface KeySpec {
  readonly first: number
  readonly last: number
  readonly step: number
  /** For commands whose keys must be searched for; when set, COMMAND says `movablekeys`. */
  readonly find?: (args: readonly Buffer[]) => number[]
}

export const NO_KEYS: KeySpec = { first: 0, last: 0, step: 0 }
export const FIRST_KEY: KeySpec = { first: 1, last: 1, step: 1 }
export const TWO_KEYS: KeySpec = { first: 1, last: 2, step: 1 }
export const ALL_KEYS: KeySpec = { first: 1, last: -1, step: 1 }
/** key value key value... */
export const KEY_VALUE_PAIRS: KeySpec = { first: 1, last: -1, step: 2 }

/**
 * `numkeys key [key ...]`, with the count at argument `at`. A wrong count finds no keys: `run` answers with
 * Redis's error.
 */
export const countedKeys = (at: number): KeySpec => ({
  first: 0,
  last: 0,
  step: 0,
  find: (args) => {
    const count = Number(args[at]?.toString())
    if (!Number.isInteger(count) || count < 1 || at + count >= args.length) return []
    return Array.from({ length: count }, (_, i) => at + 1 + i)
  },
})

/** Indexes of the arguments that are keys. */
export function keyIndexes({ keys }: { readonly keys: KeySpec }, args: readonly Buffer[]): number[] {
  if (keys.find !== undefined) return keys.find(args)
  if (keys.first === 0) return []
  const last = keys.last < 0 ? args.length + keys.last : keys.last
  const indexes: number[] = []
  for (let i = keys.first; i <= last && i < args.length; i += keys.step) indexes.push(i)
  return indexes
}
