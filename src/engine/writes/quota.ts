import type { Automation } from '../../automation/automation.ts'
import type { Backing, BackingArg, BackingReply } from '../../backing/backing.ts'
import { USAGE } from '../../backing/scripts.ts'
import { KvError } from '../../errors/errors.ts'

/** What one automation may keep. */
export interface Quota {
  readonly maxKeys: number
  /** Bytes of its keys and of the outcomes that are kept for retries, as the scripts count them. */
  readonly maxBytes: number
  /** Elements of one list, hash, set, sorted set or stream. */
  readonly maxElements: number
}

/** What one automation keeps, at one moment. */
export interface Usage {
  readonly version: number
  readonly keys: number
  readonly bytes: number
}

/** The limits as the scripts take them, behind the length of the prefix. */
export const quotaArgs = ({ maxKeys, maxBytes, maxElements }: Quota): BackingArg[] => [
  maxKeys,
  maxBytes,
  maxElements,
]

const LIMITS = { keys: 'keys', bytes: 'bytes', elements: 'elements of one key' } as const

/** The error for a script's refusal: which limit, how much of it is used, how much is allowed. */
export function quotaExceeded([limit, used, allowed]: readonly BackingReply[]): KvError {
  const name = String(limit) as keyof typeof LIMITS
  const facts = { used: Number(used), allowed: Number(allowed) }
  return new KvError(
    'quota_exceeded',
    { used: String(facts.used), allowed: String(facts.allowed), limit: LIMITS[name] },
    { limit: name, ...facts },
  )
}

/** Rejects with `unavailable`. */
export function readUsage(backing: Backing, automation: Automation, quota: Quota): Promise<Usage> {
  const { versionKey, indexKey, prefix } = automation
  const args = [2, versionKey, indexKey, prefix.length, ...quotaArgs(quota)]
  return new Promise((resolve, reject) => {
    // What it writes nobody can tell from its being there: so it is not sent as a write.
    backing.script(automation, USAGE, false, args, (error, reply) => {
      if (error !== null) {
        reject(error)
        return
      }
      const [version, keys, bytes] = reply as [number, number, Buffer]
      resolve({ version, keys, bytes: Number(bytes) })
    })
  })
}
