import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import type { RunContext } from '../../registry/context.ts'
import { connection, container, countedKeys, data } from '../../registry/row.ts'
import { OK, type Reply, SimpleString } from '../../reply/reply.ts'
import { word } from '../parsing/args.ts'

const SHA1_LENGTH = 40
const FIRST_KEY_AT = 3

function keyCount(args: readonly Buffer[]): number {
  const count = parseInteger(args[2]!)
  if (count === undefined) throw new KvError('not_integer')
  if (count > BigInt(args.length - FIRST_KEY_AT)) throw new KvError('numkeys_too_large')
  if (count < 0n) throw new KvError('numkeys_negative')
  return Number(count)
}

const evaluate =
  (by: 'source' | 'sha1', readOnly: boolean) =>
  (db: Database, args: readonly Buffer[], { identity, automation, services }: RunContext): Reply => {
    const given = args[1]!
    if (by === 'sha1' && given.length !== SHA1_LENGTH) throw new KvError('no_script')
    const firstArg = FIRST_KEY_AT + keyCount(args)
    return services.scripts.run({
      db,
      identity,
      automation,
      services,
      script: by === 'source' ? { source: given } : { sha1: given },
      keys: args.slice(FIRST_KEY_AT, firstArg),
      args: args.slice(firstArg),
      readOnly,
    })
  }

const group = 'scripting'
const FLAGS = 'noscript stale skip_monitor no_mandatory_keys movablekeys'
const complexity = 'Depends on the script that is executed.'
const keys = countedKeys(2)

const HELP = [
  'SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'EXISTS <sha1> [<sha1> ...]',
  '    Return information about the existence of the scripts in the script cache.',
  'FLUSH [ASYNC|SYNC]',
  '    Flush the Lua scripts cache.',
  'KILL',
  '    Kill the currently executing Lua script.',
  'LOAD <script>',
  '    Load a script into the scripts cache without executing it.',
  'HELP',
  '    Prints this help.',
].map((line) => new SimpleString(line))

export const SCRIPTING = [
  data({
    name: 'eval',
    arity: -3,
    flags: FLAGS,
    group,
    since: '2.6.0',
    complexity,
    keys,
    syntax: 'script numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script, atomically. It may use the keys that it is given.',
    run: evaluate('source', false),
    script: { given: 'source', at: 1 },
  }),
  data({
    name: 'evalsha',
    arity: -3,
    flags: FLAGS,
    group,
    since: '2.6.0',
    complexity,
    keys,
    syntax: 'sha1 numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script that this process knows by its SHA1.',
    run: evaluate('sha1', false),
    script: { given: 'sha1', at: 1 },
  }),
  data({
    name: 'eval_ro',
    arity: -3,
    flags: `readonly ${FLAGS}`,
    group,
    since: '7.0.0',
    complexity,
    keys,
    syntax: 'script numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script that does not write.',
    run: evaluate('source', true),
    script: { given: 'source', at: 1 },
  }),
  data({
    name: 'evalsha_ro',
    arity: -3,
    flags: `readonly ${FLAGS}`,
    group,
    since: '7.0.0',
    complexity,
    keys,
    syntax: 'sha1 numkeys [key [key ...]] [arg [arg ...]]',
    summary: 'Executes a Lua script that does not write, known by its SHA1.',
    run: evaluate('sha1', true),
    script: { given: 'sha1', at: 1 },
  }),
  container(
    {
      name: 'script',
      arity: -2,
      flags: '',
      group,
      since: '2.6.0',
      complexity: 'Depends on subcommand.',
      syntax: 'subcommand [arg [arg ...]]',
      summary: 'A container for Lua scripts management commands.',
    },
    [
      data({
        // On data, though it touches none: so it keeps its place among the commands of a transaction.
        name: 'script|load',
        arity: 3,
        flags: 'noscript stale',
        group,
        since: '2.6.0',
        complexity: "O(N) with N being the length in bytes of the script's body",
        syntax: 'script',
        summary: 'Compiles a script and keeps it in this process.',
        run: (_db, args, { automation, services }) => services.scripts.load(automation.id, args[2]!),
        script: { given: 'source', at: 2 },
      }),
      data({
        name: 'script|exists',
        arity: -3,
        flags: 'noscript',
        group,
        since: '2.6.0',
        complexity: 'O(N) with N being the number of scripts to check',
        syntax: 'sha1 [sha1 ...]',
        summary: 'Tells which scripts this process knows.',
        run: (_db, args, { automation, services }) =>
          args
            .slice(2)
            .map((sha1) =>
              services.scripts.knows(automation.id, sha1.toString('latin1').toLowerCase()) ? 1 : 0,
            ),
      }),
      connection({
        name: 'script|flush',
        arity: -2,
        flags: 'noscript',
        group,
        since: '2.6.0',
        exclusive: true,
        syntax: '[ASYNC | SYNC]',
        summary: "Forgets the automation's scripts in this process.",
        handle: ({ automation, context }, args) => {
          if (args.length > 3 || (args.length === 3 && !['SYNC', 'ASYNC'].includes(word(args[2])))) {
            throw new KvError('script_flush_mode')
          }
          context.scripts.flush(automation!.id)
          return OK
        },
      }),
      connection({
        name: 'script|kill',
        arity: 2,
        flags: 'noscript allow_busy',
        right: 'kv:write',
        group,
        since: '2.6.0',
        syntax: '',
        summary: "Ends the automation's script that runs in this process.",
        handle: ({ automation, context }) => {
          context.runningScripts.kill(automation!.id, 'script')
          return OK
        },
      }),
      connection({
        name: 'script|help',
        arity: 2,
        flags: 'loading stale',
        group,
        since: '5.0.0',
        syntax: '',
        summary: 'Describes the subcommands.',
        handle: () => HELP,
      }),
    ],
  ),
]
