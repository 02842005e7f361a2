import { createHmac } from 'node:crypto'
import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import { type KeptError, KvError } from '../../errors/errors.ts'
import type { Written } from '../writes/written.ts'

/** What came of a job: a refusal, or a result that JSON can carry. */
export interface JobOutcome {
  readonly error: KvError | null
  readonly result: unknown
  /** How many keys it created. */
  readonly created: number
}

interface Kept {
  /**
   * Its name. It binds it to its place instead of `loc`: thousands of locations that are used once would
   * empty the cache of headers.
   */
  readonly id: string
  readonly fingerprint: string
  readonly result?: unknown
  readonly refusal?: KeptError
  readonly created: number
}

const LOCATION = locations.record('idempotencyKey')

/**
 * Written by commit.lua: the automation's version after the job, the backing Redis's clock, and what `seal`
 * gave.
 */
const STORED = /^(\d+):(\d+):/

/**
 * Makes a job happen once: its outcome is kept beside the data, written by the same commit, and anyone who
 * comes with the same key gets that outcome instead of a second run. It is kept whether the job wrote,
 * changed nothing or was refused for what it found; a failure (unavailable, busy, over quota) is not, so that
 * a retry tries again.
 */
export class IdempotencyRecord {
  /**
   * Names in the backing Redis, one for each root key, the sealing one first: anyone who changes the order of
   * the keys still finds it.
   */
  readonly ids: readonly string[]
  /** The outcome is that of an earlier request. */
  replayed = false
  private readonly automation: Automation
  private readonly fingerprint: string

  /**
   * `key` is the caller's name for the request, unique within the run; `fingerprint` tells whether it is the
   * same request.
   */
  constructor(automation: Automation, run: string, key: string, fingerprint: string) {
    this.automation = automation
    this.fingerprint = fingerprint
    const name = locations.idempotencyKey(run, key)
    this.ids = automation.sealer.keys.all.map(({ locator }) =>
      createHmac('sha256', locator).update(name, 'latin1').digest('base64url'),
    )
  }

  seal({ error, result, created }: JobOutcome): Buffer {
    const outcome =
      error === null
        ? { result }
        : { refusal: { code: error.code, message: error.message, detail: error.detail } }
    const kept: Kept = { id: this.ids[0]!, fingerprint: this.fingerprint, created, ...outcome }
    return this.automation.sealer.seal(LOCATION, Buffer.from(JSON.stringify(kept)), true)
  }

  /**
   * Throws `idempotency_key_reused` when it was kept for another request, `unreadable` when it is damaged or
   * another's.
   */
  open(stored: Buffer): JobOutcome & { readonly written: Written } {
    const [head, version, now] = STORED.exec(stored.toString('latin1', 0, 40)) ?? []
    if (head === undefined) throw new KvError('unreadable')
    const kept = JSON.parse(
      this.automation.sealer.open(LOCATION, stored.subarray(head.length)).bytes.toString(),
    ) as Kept
    if (!this.ids.includes(kept.id)) throw new KvError('unreadable')
    if (kept.fingerprint !== this.fingerprint) throw new KvError('idempotency_key_reused')
    this.replayed = true
    const { refusal, result, created } = kept
    const error = refusal === undefined ? null : KvError.restore(refusal)
    const written = { version: Number(version), now: Number(now), created, changed: false }
    return { error, result, created, written }
  }
}

/** Whether the outcome is final: a refusal for what was found, but no fault. */
export const isFinal = (error: Error | null): boolean =>
  error === null || (error instanceof KvError && error.status < 500)
