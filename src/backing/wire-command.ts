import { KvError } from '../errors.ts'

/** What the backing Redis answers in RESP2: bulk strings and simple strings are both Buffers, nested errors are Error objects. */
export type BackingReply = Buffer | number | null | Error | BackingReply[]
export type BackingArg = Buffer | string | number
export type BackingCallback = (error: Error | null, reply: BackingReply) => void

const CRLF = Buffer.from('\r\n')

/** Shorter arguments are cheaper to copy into one buffer than to write on their own. */
const JOIN_BELOW_BYTES = 16_384

/**
 * The part of ioredis's Command that its connection needs, without the promise, the transformers and the flag look-ups that it
 * makes for each command: those took more time than the rest of a forwarded GET. Connection, queue of replies, decoding and
 * reconnecting stay ioredis's.
 */
export class WireCommand {
  readonly name: string
  readonly args: readonly BackingArg[]
  /** ioredis opens a tracing channel for commands that are not marked. */
  isTraced = true
  readonly promise = undefined
  private readonly callback: BackingCallback

  constructor(name: string, args: readonly BackingArg[], callback: BackingCallback) {
    this.name = name
    this.args = args
    this.callback = callback
  }

  setReplyContext(): void {}

  resolve(reply: BackingReply): void {
    this.callback(null, reply)
  }

  reject(error: Error): void {
    // ioredis hangs the arguments on the error; they must not travel to a log.
    delete (error as { command?: unknown }).command
    this.callback(error, null)
  }

  /** One buffer for the whole request. */
  toWritable(): Buffer {
    const { args } = this
    let text = `*${args.length + 1}\r\n$${this.name.length}\r\n${this.name}\r\n`
    let parts: Buffer[] | undefined
    for (const arg of args) {
      if (typeof arg === 'string' || typeof arg === 'number') {
        const ascii = typeof arg === 'number' ? String(arg) : arg
        text += `$${ascii.length}\r\n${ascii}\r\n`
      } else if (arg.length < JOIN_BELOW_BYTES) {
        text += `$${arg.length}\r\n${arg.toString('latin1')}\r\n`
      } else {
        parts ??= []
        parts.push(Buffer.from(`${text}$${arg.length}\r\n`, 'latin1'), arg, CRLF)
        text = ''
      }
    }
    const tail = Buffer.from(text, 'latin1')
    if (parts === undefined) return tail
    parts.push(tail)
    return Buffer.concat(parts)
  }
}

/** Prefixes of errors by which a Redis refuses before it has changed anything. */
const REFUSALS = /^(OOM|READONLY|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|BUSY|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOPERM|NOAUTH|UNKILLABLE) /

export const isReplyError = (error: Error): boolean => error.name === 'ReplyError'

/** The state of the backing Redis in the words of our own error table; undefined when the error is the command's own (WRONGTYPE...). */
export function refusalOf(error: Error): KvError | undefined {
  if (!isReplyError(error)) return undefined
  const prefix = REFUSALS.exec(error.message)?.[1]
  return prefix === undefined
    ? undefined
    : new KvError('backing_refused', `TRYAGAIN the backing Redis refused the command (${prefix}); nothing was written`)
}
