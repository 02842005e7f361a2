import type { BackingArg } from '../../backing/backing.ts'
import { type ChargeKind, chargeKind } from './charge-kind.ts'

/** How a native command leaves its key, so that the index stays true without asking Redis again. */
export interface Leaves {
  /** `to-be-looked-at`: only Redis knows whether it is still there, and with which TTL. */
  readonly key: 'without-ttl' | 'with-its-ttl' | 'to-be-looked-at' | 'gone'
  readonly mayCreate: boolean
}

/** The command makes its key when there is none. */
export const creates = {
  withoutTtl: { key: 'without-ttl', mayCreate: true },
  withItsTtl: { key: 'with-its-ttl', mayCreate: true },
  toBeLookedAt: { key: 'to-be-looked-at', mayCreate: true },
} as const satisfies Readonly<Record<string, Leaves>>

/** The command works on a key that is there, and makes none. */
export const leaves = {
  withoutTtl: { key: 'without-ttl', mayCreate: false },
  withItsTtl: { key: 'with-its-ttl', mayCreate: false },
  toBeLookedAt: { key: 'to-be-looked-at', mayCreate: false },
  gone: { key: 'gone', mayCreate: false },
} as const satisfies Readonly<Record<string, Leaves>>

/** By which reply the command has changed something. An error never tells of a change. */
export type ChangedBy =
  | 'any-reply'
  /** Any reply, if the key was there. */
  | 'any-reply-on-a-key'
  | 'positive'
  | 'not-null'
  | 'filled-list'
  /** That of XREADGROUP, when it holds entries of the key. */
  | 'entries-of-the-key'
  /** That of XAUTOCLAIM, when it claimed or dropped entries. */
  | 'claimed-entries'
  /** The command only reads. */
  | 'no-reply'

/** One native command on one key, which is its first argument; several make one write request. */
export interface NativeWrite {
  readonly name: Buffer
  readonly leaves: Leaves
  readonly changedBy: ChangedBy
  readonly command: string
  /** What comes between the command and the key: a subcommand, or the options of XREADGROUP. */
  readonly before?: readonly BackingArg[]
  /** Further keys, right behind the first; `leaves` and `changedBy` hold for each of them. */
  readonly more?: readonly Buffer[]
  /** What follows the key. */
  readonly args: readonly BackingArg[]
}

/** `args`: what follows the key. */
export const nativeWrite = (
  command: string,
  name: Buffer,
  leaves: Leaves,
  changedBy: ChangedBy,
  args: readonly BackingArg[] = [],
): NativeWrite => ({ name, leaves, changedBy, command, args })

/** The key is the second word of the command, and its only key. */
export const hasOneKeyFirst = ({ before, more }: NativeWrite): boolean =>
  before === undefined && more === undefined

/** What an operation does to the charge of its keys. */
export const chargeOf = (changedBy: ChangedBy, command: string): ChargeKind =>
  changedBy === 'no-reply' ? 'n' : chargeKind(command)
