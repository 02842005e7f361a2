import type { Automation } from '../../automation/automation.ts'
import type { Backing } from '../../backing/backing.ts'
import { NOTHING_WRITTEN, type Written } from '../writes/written.ts'
import type { IdempotencyRecord, JobOutcome } from './idempotency-record.ts'

interface EarlierOutcome extends Omit<JobOutcome, 'error'> {
  readonly error: Error | null
  readonly written: Written
}

const NONE: ReadonlyMap<string, Buffer> = new Map()

/** What earlier requests with the idempotency keys of a batch's jobs came to. */
export class KeptOutcomes {
  private readonly automation: Automation
  private readonly backing: Backing
  /** By the first name of the record. */
  private kept = NONE

  constructor(automation: Automation, backing: Backing) {
    this.automation = automation
    this.backing = backing
  }

  /** Sent just before the snapshot. What is written in between, the commit finds. */
  read(records: readonly IdempotencyRecord[]): void {
    if (records.length === 0) return
    const ids = records.flatMap((record) => record.ids.map((id) => ({ id, first: record.ids[0]! })))
    this.backing.read(
      this.automation,
      ['MGET', ...ids.map(({ id }) => this.automation.outcomePrefix + id)],
      (error, reply) => {
        // Without an answer the snapshot, which comes behind it on the same link, has none either; and the
        // commit would still find them.
        if (error !== null) return
        const found = reply as (Buffer | null)[]
        this.kept = new Map(
          ids.flatMap(({ first }, i): [string, Buffer][] => (found[i] === null ? [] : [[first, found[i]!]])),
        )
      },
    )
  }

  /** `undefined` for a job that has no record, or a new one. */
  of(record: IdempotencyRecord | undefined): EarlierOutcome | undefined {
    const stored = record && this.kept.get(record.ids[0]!)
    if (record === undefined || stored === undefined) return undefined
    try {
      return record.open(stored)
    } catch (error) {
      return { error: error as Error, result: undefined, created: 0, written: NOTHING_WRITTEN }
    }
  }
}
