import { availableParallelism } from 'node:os'
import { isAbsolute, resolve } from 'node:path'
import { parseEncryptionKeys, type RootKey } from '../automation/keyring.ts'
import { mayServeKeySet } from '../lib/key-set-url.ts'

/** Turns the text into the value, or says what is wrong in the shape `must be ...`. */
export type Reader<T> = (text: string) => { readonly value: T } | { readonly problem: string }

export const integer =
  (min: number, max: number): Reader<number> =>
  (text) => {
    const value = Number(text)
    return /^\d{1,15}$/.test(text) && value >= min && value <= max
      ? { value }
      : { problem: `must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}` }
  }

export const port = integer(0, 65535)
export const milliseconds = integer(1, 3_600_000)

/** Commands a second, and after a colon how many may come at once. */
export const rateLimit: Reader<{ readonly perSecond: number; readonly burst: number }> = (text) => {
  const [, rate, burst] = /^([1-9]\d{0,8})(?::([1-9]\d{0,8}))?$/.exec(text) ?? []
  return rate === undefined
    ? { problem: `must be commands a second, with or without :burst, not ${JSON.stringify(text)}` }
    : { value: { perSecond: Number(rate), burst: Number(burst ?? rate) } }
}

/** More workers than this are a slip of the keyboard. */
const MAX_WORKERS = 256
const workerCount = integer(1, MAX_WORKERS)

export const workers: Reader<number> = (text) => {
  if (text === 'auto') return { value: Math.min(availableParallelism(), MAX_WORKERS) }
  const outcome = workerCount(text)
  return 'value' in outcome ? outcome : { problem: outcome.problem.replace('must be', 'must be auto or') }
}

export const oneOf =
  <const T extends string>(...choices: readonly T[]): Reader<T> =>
  (text) => {
    const value = choices.find((choice) => choice === text)
    return value === undefined
      ? { problem: `must be one of ${choices.join(', ')}, not ${JSON.stringify(text)}` }
      : { value }
  }

export const host: Reader<string> = (text) =>
  /^[A-Za-z0-9._:%-]+$/.test(text)
    ? { value: text }
    : {
        problem: `must be a host name or an IP address without port or brackets, not ${JSON.stringify(text)}`,
      }

export const text: Reader<string> = (value) =>
  value.trim() === value ? { value } : { problem: 'must not start or end with white space' }

export const folder: Reader<string> = (value) => ({ value: resolve(value) })

export const atLeastBytes =
  (count: number, remedy: string): Reader<string> =>
  (value) => {
    const length = Buffer.byteLength(value)
    return length >= count
      ? { value }
      : { problem: `must be at least ${count} bytes long, but it has ${length}; make one with: ${remedy}` }
  }

const urlOf = (value: string): URL | undefined => (URL.canParse(value) ? new URL(value) : undefined)

export const redisUrl: Reader<string> = (value) => {
  const shape =
    'must be redis://host:port, rediss://host:port (TLS), unix:///path or the absolute path of a unix socket'
  if (isAbsolute(value)) return { value }
  const url = urlOf(value)
  if (url?.protocol === 'unix:')
    return url.host === '' && url.pathname.length > 1 ? { value } : { problem: shape }
  if ((url?.protocol !== 'redis:' && url?.protocol !== 'rediss:') || url.hostname === '')
    return { problem: shape }
  return /^\/?\d*$/.test(url.pathname)
    ? { value }
    : { problem: 'must end with the number of a database, or with none (redis://host:6379/0)' }
}

/** A file, or a URL that may serve keys. */
export const jwks: Reader<string> = (value) => {
  const url = /^[a-z][a-z0-9+.-]+:\/\//i.test(value) ? urlOf(value) : null
  if (url === null) return { value: resolve(value) }
  return url !== undefined && mayServeKeySet(url)
    ? { value }
    : { problem: 'must be the path of a file or an https:// URL' }
}

const KEY_REMEDY = "openssl rand -base64 32 | tr '+/' '-_' | tr -d '='"

export const encryptionKeys: Reader<readonly RootKey[]> = (list) => {
  try {
    return { value: Object.freeze(parseEncryptionKeys(list)) }
  } catch (error) {
    return { problem: `${(error as Error).message}; make a key with: ${KEY_REMEDY}` }
  }
}

export const SECRET_REMEDY = 'openssl rand -base64 48'

const threadCount = integer(0, 64)

/** One processor is left to sockets. */
export const computeThreads: Reader<number> = (text) => {
  if (text === 'auto') return { value: Math.max(1, Math.min(4, availableParallelism() - 1)) }
  const count = threadCount(text)
  return 'value' in count ? count : { problem: `must be auto or a whole number from 0 to 64` }
}
