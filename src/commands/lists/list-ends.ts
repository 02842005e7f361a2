import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { word } from '../parsing/args.ts'

export type End = 'LEFT' | 'RIGHT'

/** Throws `syntax` for anything but LEFT and RIGHT. */
export function endOf(arg: Buffer | undefined): End {
  const end = word(arg)
  if (end !== 'LEFT' && end !== 'RIGHT') throw new KvError('syntax')
  return end
}

/**
 * Takes up to `count` elements from an end of a list that has some, the outermost first. A list that is empty
 * then is gone.
 */
export function take(db: Database, name: Buffer, end: End, count: number): Buffer[] {
  const { cells } = db.editList(name)
  const taken =
    end === 'LEFT' ? cells.splice(0, count) : cells.splice(Math.max(0, cells.length - count)).reverse()
  db.removeIfEmpty(name)
  return taken.map(({ bytes }) => bytes)
}
