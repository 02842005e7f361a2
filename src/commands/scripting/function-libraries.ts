import { locations } from '../../automation/location.ts'
import type { Sealer } from '../../automation/sealer.ts'
import { type FunctionLibrary, libraryOf, libraryParts } from '../../engine/libraries/library.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { flatten, unflatten } from '../../protocol/flat.ts'
import type { DecodedReply } from '../../protocol/reply-decoder.ts'
import { compileGlob } from '../../redis-semantics/glob.ts'
import type { RunContext } from '../../registry/context.ts'
import { MapReply, OK, type Reply, SetReply, SimpleString } from '../../reply/reply.ts'
import { word } from '../parsing/args.ts'

// What FUNCTION does to the libraries of the automation.

/** Throws `function_exists` for a function that another library has. */
function checkFunctions({ libraries }: Database, { name, functions }: FunctionLibrary): void {
  for (const each of functions) {
    const owner = libraries.functionNamed(each.name)?.library
    if (owner !== undefined && owner.name !== name)
      throw new KvError('function_exists', { name: Buffer.from(each.name) })
  }
}

export function load(db: Database, args: readonly Buffer[], context: RunContext): Reply {
  const { automation, services } = context
  const options = args.slice(2, -1)
  const unknown = options.find((option) => word(option) !== 'REPLACE')
  if (unknown !== undefined) throw new KvError('library_option', { option: unknown })
  const isNew = (name: string): void => {
    if (options.length === 0 && db.libraries.get(name) !== undefined)
      throw new KvError('library_exists', { library: Buffer.from(name) })
  }
  const library = services.scripts.register(automation.id, args.at(-1)!, isNew)
  checkFunctions(db, library)
  db.libraries.put(library)
  return library.name
}

export function remove(db: Database, args: readonly Buffer[]): Reply {
  if (!db.libraries.delete(args[2]!.toString('latin1'))) throw new KvError('library_not_found')
  return OK
}

const wrongNumber = (args: readonly Buffer[]): KvError =>
  new KvError('wrong_subcommand', { subcommand: args[1]!, command: 'FUNCTION' })

export function flush(db: Database, args: readonly Buffer[]): Reply {
  if (args.length > 3) throw wrongNumber(args)
  if (args.length === 3 && !['SYNC', 'ASYNC'].includes(word(args[2])))
    throw new KvError('function_flush_mode')
  db.libraries.clear()
  return OK
}

export function list(db: Database, args: readonly Buffer[]): Reply {
  let matches: ((name: Buffer) => boolean) | undefined
  let withCode = false
  for (let i = 2; i < args.length; i++) {
    const option = word(args[i])
    if (option === 'WITHCODE' && !withCode) withCode = true
    else if (option === 'LIBRARYNAME' && matches === undefined) {
      const pattern = args[++i]
      if (pattern === undefined) throw new KvError('function_list_pattern')
      matches = compileGlob(pattern, true)
    } else throw new KvError('function_list_argument', { argument: args[i]! })
  }
  return db.libraries
    .all()
    .filter(({ name }) => matches?.(Buffer.from(name)) ?? true)
    .map((library) => described(library, withCode))
}

const described = ({ name, functions, code }: FunctionLibrary, withCode: boolean): Reply =>
  new MapReply([
    'library_name',
    name,
    'engine',
    'LUA',
    'functions',
    functions.map(
      (each) =>
        new MapReply([
          'name',
          each.name,
          'description',
          each.description ?? null,
          'flags',
          new SetReply(each.flags.map((flag) => new SimpleString(flag))),
        ]),
    ),
    ...(withCode ? ['library_code', code] : []),
  ])

/** The place of a payload: nothing else that was sealed can be taken for one. */
const PLACE = locations.record('functions 1')

export function dump(db: Database, _args: readonly Buffer[], { automation }: RunContext): Reply {
  const payload = automation.sealer.seal(PLACE, flatten(db.libraries.all().map(libraryParts)), false)
  db.checkLength(payload.length)
  return payload
}

const POLICIES = ['FLUSH', 'APPEND', 'REPLACE']

export function restore(db: Database, args: readonly Buffer[], { automation }: RunContext): Reply {
  if (args.length > 4) throw wrongNumber(args)
  const policy = args.length === 4 ? word(args[3]) : 'APPEND'
  if (!POLICIES.includes(policy)) throw new KvError('restore_policy')
  const restored = restoredFrom(automation.sealer, args[2]!)
  db.attempt(() => {
    if (policy === 'FLUSH') db.libraries.clear()
    for (const { name } of restored) {
      if (policy === 'APPEND' && db.libraries.get(name) !== undefined)
        throw new KvError('restored_library_exists', { library: Buffer.from(name) })
    }
    // Those that are replaced make room for functions of all others, as in Redis.
    for (const { name } of restored) db.libraries.delete(name)
    // Among themselves their functions do not collide: they were libraries of one moment.
    for (const library of restored) checkFunctions(db, library)
    db.libraries.put(...restored)
  })
  return OK
}

/** Throws `dump_payload` for whatever FUNCTION DUMP did not make for this automation. */
function restoredFrom(sealer: Sealer, payload: Buffer): FunctionLibrary[] {
  try {
    return unflatten(sealer.open(PLACE, payload).bytes).map((parts) => libraryOf(parts as DecodedReply[]))
  } catch (error) {
    if (error instanceof KvError && error.code === 'unreadable') throw new KvError('dump_payload')
    throw error
  }
}
