import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface BackingScript {
  readonly name: string
  readonly source: string
  readonly sha1: string
  /** Anyone who runs it sends nothing that depends on it before its answer. */
  readonly anyOrder?: true
}

const read = (file: string): string => readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8')

function script(name: string, parts: readonly string[], end = ''): BackingScript {
  const source = `${parts.map(read).join('\n')}\n${end}`
  return { name, source, sha1: createHash('sha1').update(source).digest('hex') }
}

/** What the scripts that know of the quota begin with; those that write too have the second one. */
const USING = ['prelude', 'charges', 'quota'] as const
const WRITING = ['prelude', 'deletions', 'waiting', 'changes', 'charges', 'quota'] as const

/** Native commands with their bookkeeping. */
export const RUN = script('run', [...WRITING, 'outcome', 'room', 'run'])
/** Several write requests of one native command each. */
export const MANY = script('many', [...WRITING, 'outcome', 'many'])
/** The outcome of a computation, guarded. */
export const COMMIT: BackingScript = {
  ...script('commit', [...WRITING, 'libraries', 'snapshot', 'room', 'listeners', 'commit']),
  anyOrder: true,
}
/** Several keys at one moment; writes nothing. */
export const SNAPSHOT: BackingScript = {
  ...script('snapshot', ['prelude', 'deletions', 'libraries', 'snapshot'], 'return snapshot(2)\n'),
  anyOrder: true,
}
export const FLUSH = script('flush', [...WRITING, 'flush'])
/** The index, freed of what has expired: whole, and step by step. */
export const LIST_KEYS = script('keys', [...USING, 'live', 'keys'])
export const SCAN = script('scan', [...USING, 'live', 'scan'])
/** What the automation uses of its quota; writes nothing but what an exact count finds. */
export const USAGE = script('usage', [...USING, 'usage'])

/** Notes that blocked clients wait for keys. */
export const MARK = script('mark', ['prelude', 'mark'])

/** Has changes told to those whose clients track keys. */
export const TRACK = script('track', ['prelude', 'track'])

/** What a process tells of its listeners, and a message with who listens. */
export const ANNOUNCE = script('announce', ['prelude', 'listeners', 'announce'])
export const PUBLISH = script('publish', ['prelude', 'listeners', 'publish'])

/** Looks for keys that have expired, for an automation that wants to be told, and tells of them. */
export const EXPIRED = script('expired', ['prelude', 'expired'])
export const EXPIRE = script('expire', ['prelude', 'expire'])

export const SCRIPTS: readonly BackingScript[] = [
  RUN,
  MANY,
  COMMIT,
  SNAPSHOT,
  FLUSH,
  LIST_KEYS,
  SCAN,
  USAGE,
  MARK,
  TRACK,
  ANNOUNCE,
  PUBLISH,
  EXPIRED,
  EXPIRE,
]
