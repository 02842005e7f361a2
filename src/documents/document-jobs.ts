import type { Database } from '../engine/plaintext/database.ts'
import { type BatchLimits, parseBatch, runBatch } from './batch.ts'
import { get } from './document-operations.ts'
import type { Members, Shown } from './presentation.ts'

/** A value with what is known about its key. Times are milliseconds since the epoch. */
export interface ShownWithMeta {
  readonly shown: Shown
  /** Seconds, rounded up; null without a TTL. */
  readonly ttl: number | null
  readonly type: string
  readonly createdAt: number
  readonly updatedAt: number
}

export function getWithMeta(db: Database, name: Buffer): ShownWithMeta | undefined {
  const shown = get(db, name)
  if (shown === undefined) return undefined
  const expireAt = db.expireAt(name)
  const ttl = expireAt === 0 ? null : Math.ceil((expireAt - db.now) / 1_000)
  return { shown, ttl, type: db.type(name), ...db.times(name) }
}

/**
 * What another thread can do for REST, by name: jobs that may open much. Their arguments are bytes, and what
 * they answer is plain data.
 */
export const DOCUMENT_JOBS = {
  get: (db: Database, [name]: readonly Buffer[]): Shown | undefined => get(db, name!),
  getWithMeta: (db: Database, [name]: readonly Buffer[]): ShownWithMeta | undefined => getWithMeta(db, name!),
  batch: (db: Database, [text]: readonly Buffer[], limits: BatchLimits): Members[] =>
    runBatch(parseBatch(text!.toString(), limits), db),
} as const

export type DocumentJobName = keyof typeof DOCUMENT_JOBS
