import type { Automation } from '../../automation/automation.ts'
import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { LIST_KEYS, SNAPSHOT } from '../../backing/scripts.ts'
import { extentArgs, type Need } from '../plaintext/extent.ts'
import { headOf } from '../plaintext/snapshot.ts'
import type { JobEnvironment } from './job.ts'

type Read<T extends unknown[]> = (error: Error | null, ...read: T | []) => void

/** What the scripts on data keys begin with: the keys, and how long their common prefix is. */
export const keyArgs = (automation: Automation, needs: readonly Need[]): BackingArg[] => [
  needs.length + 2,
  automation.versionKey,
  automation.indexKey,
  ...needs.map(({ name }) => automation.key(name)),
  automation.prefix.length,
]

/** What snapshot.lua answers, and how many bytes that was on the link. */
export function readKeys(
  { automation, backing, events }: JobEnvironment,
  needs: readonly Need[],
  done: (error: Error | null, reply?: BackingReply[], bytes?: number) => void,
): void {
  const args = [...keyArgs(automation, needs), ...extentArgs(needs, automation)]
  backing.script(automation, SNAPSHOT, false, args, (error, reply, bytes) => {
    if (error !== null) return done(error)
    events.learn(automation, headOf(reply as BackingReply[]).events)
    done(null, reply as BackingReply[], bytes)
  })
}

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
