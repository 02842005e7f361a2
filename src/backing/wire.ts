import type { DecodedReply } from '../protocol/reply-decoder.ts'
import { KvError } from '../errors/errors.ts'

/** What the backing Redis answers. */
export type BackingReply = DecodedReply
export type BackingArg = Buffer | string | number
export type BackingCallback = (error: Error | null, reply: BackingReply) => void

/** Prefixes of errors by which a Redis refuses before it has changed anything. */
const REFUSALS = /^(OOM|READONLY|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|BUSY|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOPERM|NOAUTH|UNKILLABLE) /

/** By its name, since ioredis, which makes the connection, has a class of its own for it. */
export const isReplyError = (error: Error): boolean => error.name === 'ReplyError'

/** The state of the backing Redis in the words of our own error table; undefined when the error is the command's own (WRONGTYPE...). */
export function refusalOf(error: Error): KvError | undefined {
  if (!isReplyError(error)) return undefined
  const prefix = REFUSALS.exec(error.message)?.[1]
  return prefix === undefined
    ? undefined
    : new KvError('backing_refused', `TRYAGAIN the backing Redis refused the command (${prefix}); nothing was written`)
}
