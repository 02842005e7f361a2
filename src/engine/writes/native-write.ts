import type { BackingArg } from '../../backing/backing.ts'
import { type ChargeKind, chargeKind } from './charge-kind.ts'

/**
 * How a native command leaves its key, so that the index stays true without asking Redis again:
 * `S` there, without TTL; `K` there, with the TTL that it had; `C` to be looked at; `D` gone. A small letter:
 * it cannot make the key.
 */
export type After = 'S' | 's' | 'K' | 'k' | 'C' | 'c' | 'D'

/**
 * By which reply the command has changed something: `a` any but an error, `e` the same if the key was there,
 * `p` a positive integer, `n` any but null, `r` none: it only reads, `l` a list that is not empty, `g` a
 * XREADGROUP's that holds entries of the key, `c` an XAUTOCLAIM's that claimed or dropped entries.
 */
export type Changed = 'a' | 'e' | 'p' | 'n' | 'r' | 'l' | 'g' | 'c'

/** One native command on one key, which is its first argument; several make one write request. */
export interface Operation {
  readonly name: Buffer
  readonly after: After
  readonly changed: Changed
  readonly command: string
  /** What comes between the command and the key: a subcommand, or the options of XREADGROUP. */
  readonly before?: readonly BackingArg[]
  /** Further keys, right behind the first; `after` and `changed` hold for each of them. */
  readonly more?: readonly Buffer[]
  /** What follows the key. */
  readonly args: readonly BackingArg[]
}

/** The arguments behind the key one by one, or as an array: a function takes no hundred thousand. */
export function operation(
  command: string,
  name: Buffer,
  after: After,
  changed: Changed,
  args: readonly BackingArg[],
): Operation
export function operation(
  command: string,
  name: Buffer,
  after: After,
  changed: Changed,
  ...args: BackingArg[]
): Operation
export function operation(
  command: string,
  name: Buffer,
  after: After,
  changed: Changed,
  ...given: BackingArg[] | [args: readonly BackingArg[]]
): Operation {
  const [first] = given
  return {
    name,
    after,
    changed,
    command,
    args: Array.isArray(first) ? (first as readonly BackingArg[]) : (given as BackingArg[]),
  }
}

/** The key is the second word of the command, and its only key. */
export const hasOneKeyFirst = ({ before, more }: Operation): boolean =>
  before === undefined && more === undefined

/** What an operation does to the charge of its keys. */
export const chargeOf = (changed: Changed, command: string): ChargeKind =>
  changed === 'r' ? 'n' : chargeKind(command)
