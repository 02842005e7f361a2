import { randomBytes } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import { KvError } from '../../errors/errors.ts'
import {
  type Chunk,
  FUNCTION_FLAGS,
  type LuaFunction,
  readLibrary,
  sizeOfFunction,
} from '../../lua-vm/libraries/function-library.ts'
import { type Flat, flatten, unflatten } from '../../protocol/flat.ts'
import type { DecodedReply } from '../../protocol/reply-decoder.ts'

/** A library as FUNCTION LOAD got it, and what its code registered then. */
export interface FunctionLibrary {
  readonly name: string
  readonly code: Buffer
  readonly functions: readonly LuaFunction[]
}

/** One that is kept, or about to be. */
export interface StoredLibrary extends FunctionLibrary {
  /** Its field in the backing Redis: at random, and another for each version of it. */
  readonly id: string
  readonly chunk: Chunk
}

/** All libraries of an automation at one moment. */
export interface LibrarySet {
  /** Changes with them; empty when there are none. */
  readonly stamp: string
  readonly libraries: readonly StoredLibrary[]
  /** Fields that could not be opened, and why the first of them could not. */
  readonly damaged: { readonly ids: readonly string[]; readonly reason: KvError } | undefined
}

/** Which libraries a job may look at: those with these functions (in small letters), or all. */
export type LibraryNeeds = 'all' | readonly string[]

/** What several look at together; undefined when none of them does. */
export function mergeLibraryNeeds(needs: ReadonlyArray<LibraryNeeds | undefined>): LibraryNeeds | undefined {
  const wanted = needs.filter((each) => each !== undefined)
  if (wanted.length === 0) return undefined
  return wanted.includes('all') ? 'all' : wanted.flat()
}

/** What one automation may have. All of it is read at once when it has changed. */
const MOST = { libraries: 256, bytes: 1024 * 1024 } as const
/** What a library takes beside its texts, roughly. */
const LIBRARY_BYTES = 512

export const sizeOfLibrary = ({ name, code, functions }: FunctionLibrary): number =>
  functions.reduce((sum, each) => sum + sizeOfFunction(each), LIBRARY_BYTES + name.length + code.length)

/** Throws `quota_exceeded`. */
export function checkLimits(libraries: readonly FunctionLibrary[]): void {
  const bytes = libraries.reduce((sum, library) => sum + sizeOfLibrary(library), 0)
  const used = { libraries: libraries.length, bytes }
  const over = (['libraries', 'bytes'] as const).find((limit) => used[limit] > MOST[limit])
  if (over === undefined) return
  throw new KvError('quota_exceeded', {
    used: String(used[over]),
    allowed: String(MOST[over]),
    limit: over === 'bytes' ? 'bytes of libraries' : over,
  })
}

export const newLibrary = (library: FunctionLibrary): StoredLibrary =>
  storedAs(randomBytes(12).toString('base64url'), library)

const storedAs = (id: string, library: FunctionLibrary, bytecode?: Buffer): StoredLibrary => ({
  ...library,
  id,
  chunk: { body: readLibrary(library.code).body, bytecode },
})

// A library laid flat: its name, its code, and its functions.

export const libraryParts = ({ name, code, functions }: FunctionLibrary): Flat[] => [
  name,
  code,
  functions.map((each): Flat => [each.name, each.description ?? null, ...each.flags]),
]

export const libraryOf = ([name, code, functions]: DecodedReply[]): FunctionLibrary => ({
  name: String(name),
  code: Buffer.from(code as Buffer),
  functions: (functions as [Buffer, Buffer | null, ...Buffer[]][]).map(([own, description, ...flags]) => ({
    name: String(own),
    description: description === null ? undefined : Buffer.from(description),
    flags: FUNCTION_FLAGS.filter((flag) => flags.some((each) => String(each) === flag)),
  })),
})

export const sealLibrary = ({ sealer }: Automation, library: StoredLibrary): Buffer =>
  sealer.seal(locations.library(library.id), flatten(libraryParts(library)), false)

/** Throws `unreadable`. */
export const openLibrary = ({ sealer }: Automation, id: string, sealed: Buffer): StoredLibrary =>
  storedAs(id, libraryOf(unflatten(sealer.open(locations.library(id), sealed).bytes)))

/** For another thread. */
export const packSet = ({ stamp, damaged }: LibrarySet, libraries: readonly StoredLibrary[]): Buffer =>
  flatten([
    stamp,
    libraries.map((each): Flat => [each.id, each.chunk.bytecode ?? null, ...libraryParts(each)]),
    damaged?.ids ?? [],
  ])

export function unpackSet(packed: Uint8Array): LibrarySet {
  const [stamp, libraries, damaged] = unflatten(packed) as [
    Buffer,
    [Buffer, Buffer | null, ...DecodedReply[]][],
    Buffer[],
  ]
  return {
    stamp: String(stamp),
    libraries: libraries.map(([id, bytecode, ...parts]) =>
      storedAs(String(id), libraryOf(parts), bytecode ?? undefined),
    ),
    damaged:
      damaged.length === 0 ? undefined : { ids: damaged.map(String), reason: new KvError('unreadable') },
  }
}
