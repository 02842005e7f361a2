import type { Automation } from '../../automation/automation.ts'
import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { LIST_KEYS, SNAPSHOT } from '../../backing/scripts.ts'
import { kindOf } from '../../backing/wire.ts'
import { extentArgs, type Need } from '../plaintext/extent.ts'
import { HEAD_LENGTH, headOf } from '../plaintext/snapshot.ts'
import type { JobEnvironment } from './job.ts'

type Read<T extends unknown[]> = (error: Error | null, ...read: T | []) => void
export type KeysRead = (error: Error | null, reply?: BackingReply[], bytes?: number) => void

/** So often keys are read in several steps; then in one, however long that takes. */
const MOST_ATTEMPTS = 3

/** What the scripts on data keys begin with: the keys, and how long their common prefix is. */
export const keyArgs = (automation: Automation, needs: readonly Need[]): BackingArg[] => [
  needs.length + 2,
  automation.versionKey,
  automation.indexKey,
  ...needs.map(({ name }) => automation.key(name)),
  automation.prefix.length,
]

/** What snapshot.lua is to read; `librariesStamp`: that of the libraries as well. */
export const readArgs = (
  automation: Automation,
  needs: readonly Need[],
  librariesStamp: boolean,
  wholly = false,
): BackingArg[] => [...extentArgs(needs, automation, wholly), ...(librariesStamp ? ['l'] : [])]

/** What snapshot.lua answers, with the large keys that it leaves out, and what that measured on the link. */
export function readKeys(
  environment: JobEnvironment,
  needs: readonly Need[],
  done: KeysRead,
  librariesStamp = false,
): void {
  let attempts = 0
  let total = 0
  const attempt = (): void => {
    attempts++
    const wholly = attempts === MOST_ATTEMPTS
    runSnapshot(environment, needs, { wholly, librariesStamp }, (error, reply = [], bytes = 0) => {
      total += bytes
      if (error !== null) done(error)
      else if (!reply.some(isLarge)) done(null, reply, total)
      else
        readLarge(environment, needs, reply, (failed, isSame, more = 0) => {
          total += more
          if (failed !== null) done(failed)
          else if (isSame === true) done(null, reply, total)
          else attempt()
        })
    })
  }
  attempt()
}

interface SnapshotOptions {
  /** With all of the large keys. */
  readonly wholly: boolean
  readonly librariesStamp: boolean
}

function runSnapshot(
  { automation, backing, events }: JobEnvironment,
  needs: readonly Need[],
  { wholly, librariesStamp }: SnapshotOptions,
  done: KeysRead,
): void {
  const args = [...keyArgs(automation, needs), ...readArgs(automation, needs, librariesStamp, wholly)]
  backing.script(automation, SNAPSHOT, false, args, (error, reply, bytes) => {
    if (error !== null) return done(error)
    events.learn(automation, headOf(reply as BackingReply[]).events)
    done(null, reply as BackingReply[], bytes)
  })
}

/** What stands where in the answer of snapshot.lua to one key. */
const ENTRY = 0
const KIND = 1
const DATA = 2
const DELETED = 3

/** What answers all of a key: name, and what comes behind the key. */
const COMMANDS: Readonly<Record<string, readonly [name: string, ...rest: BackingArg[]]>> = {
  hash: ['HGETALL'],
  list: ['LRANGE', 0, -1],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', 0, -1, 'WITHSCORES'],
}

/** Behind them there may be the stamp of the libraries. */
const keysOf = (reply: readonly BackingReply[]): BackingReply[][] =>
  reply.slice(HEAD_LENGTH).filter((part): part is BackingReply[] => Array.isArray(part))

/** A part of snapshot.lua's answer that leaves out what a key holds: it tells only how much that is. */
export const isLarge = (part: BackingReply): boolean => Array.isArray(part) && typeof part[DATA] === 'number'

/**
 * Reads the large keys into `reply` by native commands, which hold up the Redis a tenth as long as a script
 * that answers as much. `isSame` says whether all keys were at one moment what is in `reply` then: nothing
 * was written between the two looks at their bookkeeping.
 */
function readLarge(
  environment: JobEnvironment,
  needs: readonly Need[],
  reply: readonly BackingReply[],
  done: (error: Error | null, isSame?: boolean, bytes?: number) => void,
): void {
  const { automation, backing } = environment
  const keys = keysOf(reply)
  let failed: Error | null = null
  let total = 0
  for (const [i, key] of keys.entries()) {
    if (!isLarge(key)) continue
    const [name, ...rest] = COMMANDS[String(key[KIND])]!
    backing.read(automation, [name, automation.key(needs[i]!.name), ...rest], (error, data, bytes = 0) => {
      total += bytes
      if (error === null) key[DATA] = data
      // Of another type by now: the second look shows it as well.
      else if (kindOf(error) !== 'WRONGTYPE') failed ??= error
    })
  }
  const metas = needs.map(({ name }): Need => ({ name, extent: 'meta' }))
  // Answers come in the order of the commands, so all of the keys are here when this one is.
  runSnapshot(environment, metas, { wholly: false, librariesStamp: false }, (error, now = [], bytes = 0) => {
    if (error !== null || failed !== null) done(failed ?? error)
    else done(null, isSame(keys, keysOf(now)), total + bytes)
  })
}

const isSame = (before: readonly BackingReply[][], now: readonly BackingReply[][]): boolean =>
  before.every((key, i) =>
    [ENTRY, KIND, DELETED].every((place) => String(key[place]) === String(now[i]![place])),
  )

/** The names of all keys, and the automation's version just before they were read. */
export function readNames(
  { automation, backing }: JobEnvironment,
  done: Read<[names: Buffer[], version: string]>,
): void {
  let version = ''
  backing.read(automation, ['GET', automation.versionKey], (error, reply) => {
    if (error === null) version = reply === null ? '0' : (reply as Buffer).toString('latin1')
  })
  backing.script(automation, LIST_KEYS, false, keyArgs(automation, []), (error, reply) => {
    if (error !== null) done(error)
    else
      done(
        null,
        (reply as Buffer[]).filter((_, i) => i % 2 === 0),
        version,
      )
  })
}
