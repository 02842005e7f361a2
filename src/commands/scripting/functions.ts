import type { LibraryNeeds } from '../../engine/libraries/library.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import type { RunContext } from '../../registry/context.ts'
import { countedKeys, data } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'

const FIRST_KEY_AT = 3

/** In Redis's order: the function, the number of keys, whether it may write. */
const callFunction =
  (readOnly: boolean) =>
  (db: Database, args: readonly Buffer[], { identity, automation, services }: RunContext): Reply => {
    const called = db.libraries.functionNamed(args[1]!.toString('latin1'))
    if (called === undefined) throw new KvError('function_not_found')
    const count = parseInteger(args[2]!)
    if (count === undefined) throw new KvError('function_numkeys')
    if (count > BigInt(args.length - FIRST_KEY_AT)) throw new KvError('numkeys_too_large')
    if (count < 0n) throw new KvError('numkeys_negative')
    const firstArg = FIRST_KEY_AT + Number(count)
    return services.scripts.call({
      db,
      identity,
      automation,
      services,
      called,
      keys: args.slice(FIRST_KEY_AT, firstArg),
      args: args.slice(firstArg),
      readOnly,
    })
  }

const FLAGS = 'noscript stale skip_monitor no_mandatory_keys movablekeys'

const shared = {
  arity: -3,
  group: 'scripting',
  since: '7.0.0',
  complexity: 'Depends on the function that is executed.',
  keys: countedKeys(2),
  syntax: 'function numkeys [key [key ...]] [arg [arg ...]]',
  script: { given: 'function', at: 1 },
  libraries: (args: readonly Buffer[]): LibraryNeeds => [args[1]!.toString('latin1').toLowerCase()],
} as const

export const FUNCTION_CALLS = [
  data({
    ...shared,
    name: 'fcall',
    flags: FLAGS,
    summary: 'Calls a function of a library that was loaded.',
    run: callFunction(false),
  }),
  data({
    ...shared,
    name: 'fcall_ro',
    flags: `readonly ${FLAGS}`,
    summary: 'Calls a function that does not write.',
    run: callFunction(true),
  }),
]
