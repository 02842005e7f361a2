import type { BackingArg } from '../../backing/backing.ts'
import { creates, leaves, type NativeWrite, nativeWrite } from './native-write.ts'

/** Options of SET; what excludes what is for the caller to check. */
export interface SetWriteOptions {
  readonly nx?: boolean
  readonly xx?: boolean
  readonly get?: boolean
  readonly keepTtl?: boolean
  readonly expiry?: readonly [unit: 'EX' | 'PX' | 'EXAT' | 'PXAT', moment: BackingArg] | undefined
}

/** SET as one native command. Answers null when NX or XX refuse it. */
export function setWrite(
  name: Buffer,
  sealed: Buffer,
  { nx = false, xx = false, get = false, keepTtl = false, expiry }: SetWriteOptions = {},
): NativeWrite {
  const args: BackingArg[] = [sealed]
  if (expiry !== undefined) args.push(expiry[0], expiry[1])
  if (nx) args.push('NX')
  if (xx) args.push('XX')
  if (keepTtl) args.push('KEEPTTL')
  if (get) args.push('GET')
  const key = xx ? leaves : creates
  const left = expiry !== undefined ? key.toBeLookedAt : keepTtl ? key.withItsTtl : key.withoutTtl
  return nativeWrite('SET', name, left, nx || xx ? 'not-null' : 'any-reply', args)
}
