import { createHash } from 'node:crypto'
import { KvError } from '../errors/errors.ts'

/** A script as its caller sent it, and what of it is known without running it. */
export interface LuaScript {
  readonly sha1: string
  /**
   * What is compiled: the source without its shebang line, whose line end stays so that line numbers are
   * right.
   */
  readonly body: Buffer
  /** It says of itself, with `flags=no-writes`, that it writes nothing. */
  readonly noWrites: boolean
  /** It has a shebang: without `no-writes` in it, it cannot be run as read-only. */
  readonly declaresFlags: boolean
  /** Set by the first compilation. */
  bytecode: Buffer | undefined
}

const FLAGS: ReadonlySet<string> = new Set([
  'no-writes',
  'allow-oom',
  'allow-stale',
  'no-cluster',
  'allow-cross-slot-keys',
])
const NEWLINE = 0x0a

export const sha1Of = (source: Uint8Array): string => createHash('sha1').update(source).digest('hex')

/** Reads the shebang line (`#!lua flags=no-writes,...`). Throws Redis's errors for a wrong one. */
export function readScript(source: Buffer, sha1 = sha1Of(source)): LuaScript {
  if (source[0] !== 0x23 || source[1] !== 0x21)
    return { sha1, body: source, noWrites: false, declaresFlags: false, bytecode: undefined }
  const end = source.indexOf(NEWLINE)
  if (end < 0) throw new KvError('shebang')
  const [engine, ...options] = source
    .toString('latin1', 0, end)
    .split(/\s+/)
    .filter((word) => word !== '')
  if (engine !== '#!lua') throw new KvError('shebang_engine', { engine: Buffer.from(engine!, 'latin1') })
  const flags = new Set<string>()
  for (const option of options) {
    if (!option.startsWith('flags='))
      throw new KvError('shebang_option', { option: Buffer.from(option, 'latin1') })
    for (const flag of option.slice('flags='.length).split(',')) {
      if (flag === '') continue
      if (!FLAGS.has(flag)) throw new KvError('shebang_flag', { flag: Buffer.from(flag, 'latin1') })
      flags.add(flag)
    }
  }
  return {
    sha1,
    body: source.subarray(end),
    noWrites: flags.has('no-writes'),
    declaresFlags: true,
    bytecode: undefined,
  }
}
