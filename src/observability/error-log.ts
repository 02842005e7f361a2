import { ERRORS, type ErrorCode, KvError } from '../errors/errors.ts'
import type { Log } from './log.ts'

/** An outage refuses thousands of commands a second; of one kind of error this often is enough. */
const PAUSE_MS = 1_000

/**
 * Logs what an operator should see of the errors that clients get: each kind at most once a second, with the
 * number of those that were left out since. `cause` holds the kid of a value that could not be opened, or why
 * a token was refused; never a part of either.
 */
export function errorLog(log: Log): (error: Error) => void {
  const kinds = new Map<ErrorCode, { at: number; leftOut: number }>()
  return (error) => {
    if (!(error instanceof KvError)) {
      log.error({ reason: placeOf(error) }, 'internal error')
      return
    }
    const kind = kinds.get(error.code) ?? { at: 0, leftOut: 0 }
    kinds.set(error.code, kind)
    if (Date.now() - kind.at < PAUSE_MS) {
      kind.leftOut++
      return
    }
    const cause = error.cause as { kid?: string } | string | undefined
    const fields = typeof cause === 'string' ? { reason: cause } : { kid: cause?.kid }
    log[ERRORS[error.code].level](
      { outcome: error.code, ...fields, ...(kind.leftOut > 0 ? { count: kind.leftOut } : {}) },
      'refused',
    )
    kind.at = Date.now()
    kind.leftOut = 0
  }
}

/** Message texts of Node and V8 may quote what they stumbled over; names and stack frames do not. */
export const placeOf = (error: Error): string => {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return [error.name, ...frames.slice(0, 6).map((frame) => frame.trim())].join(' ')
}
