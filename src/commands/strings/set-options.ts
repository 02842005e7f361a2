import { KvError } from '../../errors/errors.ts'
import { type ExpiryUnit, word } from '../parsing/args.ts'

export interface SetOptions {
  readonly nx: boolean
  readonly xx: boolean
  readonly get: boolean
  readonly keepTtl: boolean
  readonly persist: boolean
  readonly expiry: { readonly unit: ExpiryUnit; readonly arg: Buffer } | undefined
}

const PLAIN: SetOptions = {
  nx: false,
  xx: false,
  get: false,
  keepTtl: false,
  persist: false,
  expiry: undefined,
}

const UNITS: ReadonlySet<string> = new Set<ExpiryUnit>(['EX', 'PX', 'EXAT', 'PXAT'])

/**
 * The options of SET (from argument 3) and of GETEX (from argument 2), with Redis's rules of what excludes
 * what. Throws `syntax`.
 */
export function parseSetOptions(args: readonly Buffer[], from: number, command: 'set' | 'getex'): SetOptions {
  if (args.length === from) return PLAIN
  const options = { ...PLAIN, expiry: undefined as SetOptions['expiry'] }
  for (let i = from; i < args.length; i++) {
    const option = word(args[i])
    const timed = options.expiry !== undefined || options.keepTtl || options.persist
    if (command === 'set' && option === 'NX' && !options.xx) options.nx = true
    else if (command === 'set' && option === 'XX' && !options.nx) options.xx = true
    else if (command === 'set' && option === 'GET') options.get = true
    else if (command === 'set' && option === 'KEEPTTL' && (!timed || options.keepTtl)) options.keepTtl = true
    else if (command === 'getex' && option === 'PERSIST' && (!timed || options.persist))
      options.persist = true
    else if (UNITS.has(option) && !timed && i + 1 < args.length)
      options.expiry = { unit: option as ExpiryUnit, arg: args[++i]! }
    else throw new KvError('syntax')
  }
  return options
}
