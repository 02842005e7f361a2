import type { LibraryNeeds } from '../../engine/libraries/library.ts'
import { connection, container, data } from '../../registry/row.ts'
import { MapReply, OK, type Reply, SimpleString } from '../../reply/reply.ts'
import type { RunningScript } from '../../session/services.ts'
import { dump, flush, list, load, remove, restore } from './function-libraries.ts'

const HELP = [
  'FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'LOAD [REPLACE] <FUNCTION CODE>',
  '    Create a new library with the given library name and code.',
  'DELETE <LIBRARY NAME>',
  '    Delete the given library.',
  'LIST [LIBRARYNAME PATTERN] [WITHCODE]',
  '    Return general information on all the libraries:',
  '    * Library name',
  '    * The engine used to run the Library',
  '    * Library description',
  '    * Functions list',
  '    * Library code (if WITHCODE is given)',
  '    It also possible to get only function that matches a pattern using LIBRARYNAME argument.',
  'STATS',
  '    Return information about the current function running:',
  '    * Function name',
  '    * Command used to run the function',
  '    * Duration in MS that the function is running',
  '    If no function is running, return nil',
  '    In addition, returns a list of available engines.',
  'KILL',
  '    Kill the current running function.',
  'FLUSH [ASYNC|SYNC]',
  '    Delete all the libraries.',
  '    When called without the optional mode argument, the behavior is determined by the',
  '    lazyfree-lazy-user-flush configuration directive. Valid modes are:',
  '    * ASYNC: Asynchronously flush the libraries.',
  '    * SYNC: Synchronously flush the libraries.',
  'DUMP',
  '    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command',
  'RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]',
  '    Restore the libraries represented by the given payload, it is possible to give a restore policy to',
  '    control how to handle existing libraries (default APPEND):',
  '    * FLUSH: delete all existing libraries.',
  '    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.',
  '    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old',
  '      libraries with the new libraries (notice that even on this option there is a chance of failure',
  '      in case of functions name collision with another library).',
  'HELP',
  '    Prints this help.',
].map((line) => new SimpleString(line))

interface Counted {
  readonly functions: readonly unknown[]
}

function stats(running: RunningScript | undefined, libraries: readonly Counted[]): Reply {
  const functions = libraries.reduce((sum, library) => sum + library.functions.length, 0)
  const counts = new MapReply(['libraries_count', libraries.length, 'functions_count', functions])
  const script =
    running &&
    new MapReply(['name', running.name, 'command', running.command, 'duration_ms', Math.floor(running.ms)])
  return new MapReply(['running_script', script ?? null, 'engines', new MapReply(['LUA', counts])])
}

const group = 'scripting'
const since = '7.0.0'
const shared = { group, since, libraries: (): LibraryNeeds => 'all' } as const

export const FUNCTION = container(
  {
    name: 'function',
    arity: -2,
    flags: '',
    group,
    since,
    complexity: 'Depends on subcommand.',
    syntax: 'subcommand [arg [arg ...]]',
    summary: 'A container for commands on libraries of functions.',
  },
  [
    data({
      ...shared,
      name: 'function|load',
      arity: -3,
      flags: 'write denyoom noscript',
      complexity: 'O(1) (considering compilation time is redundant)',
      syntax: '[REPLACE] function-code',
      summary: 'Makes a library of functions from its code.',
      run: load,
      // It is as long as a script that is not known.
      script: { given: 'source', at: 2 },
    }),
    data({
      ...shared,
      name: 'function|delete',
      arity: 3,
      flags: 'write noscript',
      complexity: 'O(1)',
      syntax: 'library-name',
      summary: 'Deletes a library with its functions.',
      run: remove,
    }),
    data({
      ...shared,
      name: 'function|flush',
      arity: -2,
      flags: 'write noscript',
      complexity: 'O(N) where N is the number of functions deleted',
      syntax: '[ASYNC | SYNC]',
      summary: 'Deletes all libraries.',
      run: flush,
    }),
    data({
      ...shared,
      name: 'function|restore',
      arity: -3,
      flags: 'write denyoom noscript',
      complexity: 'O(N) where N is the number of functions on the payload',
      syntax: 'serialized-value [FLUSH | APPEND | REPLACE]',
      summary: 'Makes libraries from what FUNCTION DUMP of the same automation returned.',
      run: restore,
    }),
    data({
      ...shared,
      name: 'function|list',
      arity: -2,
      flags: 'noscript',
      right: 'kv:read',
      complexity: 'O(N) where N is the number of functions',
      syntax: '[LIBRARYNAME library-name-pattern] [WITHCODE]',
      summary: 'Tells the libraries and their functions.',
      run: list,
    }),
    data({
      ...shared,
      name: 'function|dump',
      arity: 2,
      flags: 'noscript',
      right: 'kv:read',
      complexity: 'O(N) where N is the number of functions',
      syntax: '',
      summary: 'Returns all libraries in a sealed form, for FUNCTION RESTORE of the same automation.',
      run: dump,
    }),
    connection({
      ...shared,
      name: 'function|stats',
      // It tells of what was loaded before it.
      exclusive: true,
      arity: 2,
      flags: 'noscript allow_busy',
      right: 'kv:read',
      syntax: '',
      summary: 'Tells which function runs in this process, and how many there are.',
      run: (db) => stats(undefined, db.libraries.all()),
      handle: async ({ automation, context }) => {
        const { libraries, damaged } = await context.store.libraries.now(automation!)
        if (damaged !== undefined) throw damaged.reason
        return stats(context.runningScripts.running(automation!.id), libraries)
      },
    }),
    connection({
      name: 'function|kill',
      arity: 2,
      flags: 'noscript allow_busy',
      right: 'kv:write',
      group,
      since,
      syntax: '',
      summary: "Ends the automation's function that runs in this process.",
      handle: ({ automation, context }) => {
        context.runningScripts.kill(automation!.id, 'function')
        return OK
      },
    }),
    connection({
      name: 'function|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since,
      syntax: '',
      summary: 'Describes the subcommands.',
      handle: () => HELP,
    }),
  ],
)
