import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface Script {
  readonly name: string
  readonly source: string
  readonly sha1: string
}

const read = (file: string): string => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8')

function script(name: string, parts: readonly string[], end = ''): Script {
  const source = `${parts.map(read).join('\n')}\n${end}`
  return { name, source, sha1: createHash('sha1').update(source).digest('hex') }
}

/** Native commands with their bookkeeping. */
export const RUN = script('run', ['prelude', 'quota', 'run'])
/** The outcome of a computation, guarded. */
export const COMMIT = script('commit', ['prelude', 'quota', 'snapshot', 'commit'])
/** Several keys at one moment; writes nothing. */
export const SNAPSHOT = script('snapshot', ['prelude', 'snapshot'], 'return snapshot(2)\n')
export const FLUSH = script('flush', ['prelude', 'flush'])
/** The index, freed of what has expired: whole, and step by step. */
export const KEYS = script('keys', ['prelude', 'live', 'keys'])
export const SCAN = script('scan', ['prelude', 'live', 'scan'])

export const SCRIPTS: readonly Script[] = [RUN, COMMIT, SNAPSHOT, FLUSH, KEYS, SCAN]
