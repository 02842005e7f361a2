import type { BackingArg } from '../backing/redis.ts'

/**
 * How a native command leaves its key, so that the index stays true without asking Redis again:
 * `S` there, without TTL; `K` there, with the TTL that it had; `C` to be looked at; `D` gone. A small letter: it cannot make the key.
 */
export type After = 'S' | 's' | 'K' | 'k' | 'C' | 'c' | 'D'

/** By which reply the command has changed something: `a` any but an error, `e` the same if the key was there, `p` a positive integer, `n` any but null. */
export type Changed = 'a' | 'e' | 'p' | 'n'

/** One native command on one key, which is its first argument; several make one write request. */
export interface Operation {
  readonly name: Buffer
  readonly after: After
  readonly changed: Changed
  readonly command: string
  /** What follows the key. */
  readonly args: readonly BackingArg[]
}

export const operation = (command: string, name: Buffer, after: After, changed: Changed, ...args: BackingArg[]): Operation => ({
  name,
  after,
  changed,
  command,
  args,
})
