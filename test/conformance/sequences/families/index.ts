import fc from 'fast-check'
import { COMMANDS } from '../../../../src/commands/table.ts'
import { usesNames } from '../../../../src/gate/key-names.ts'
import { type CommandGroup, keyIndexes, type LeafRow } from '../../../../src/registry/row.ts'
import { type Command, callsOf, damaged, SKETCHES } from '../words.ts'
import { BITMAPS } from './bitmaps.ts'
import { BLOCKING } from './blocking.ts'
import { CONNECTION } from './connection.ts'
import { HASHES } from './hashes.ts'
import { HYPERLOGLOGS } from './hyperloglogs.ts'
import { KEYSPACE } from './keys.ts'
import { LISTS } from './lists.ts'
import { MESSAGES } from './messages.ts'
import { scripting } from './scripting.ts'
import { SETS } from './sets.ts'
import { SORTED_SETS } from './sorted-sets.ts'
import { SORTING } from './sorting.ts'
import { STREAMS } from './streams.ts'
import { STRINGS } from './strings.ts'

/**
 * Templates with arguments that mean something together. A family takes part as soon as the table has this
 * command.
 */
const FAMILIES: ReadonlyArray<readonly [command: string, weight: number, commands: fc.Arbitrary<Command>]> = [
  ['get', 8, STRINGS],
  ['lpush', 8, LISTS],
  ['hset', 8, HASHES],
  ['sadd', 8, SETS],
  ['zadd', 10, SORTED_SETS],
  ['xadd', 10, STREAMS],
  ['setbit', 4, BITMAPS],
  ['pfadd', 2, HYPERLOGLOGS],
  ['sort', 4, SORTING],
  ['blpop', 1, BLOCKING],
  ['del', 8, KEYSPACE],
  ['ping', 2, CONNECTION],
  ['publish', 2, MESSAGES],
]

const leaves = [...COMMANDS.rows.values()].flatMap((row): LeafRow[] =>
  row.kind === 'container' ? [...row.subcommands.values()] : [row],
)
const served = leaves.filter(({ kind }) => kind === 'data' || kind === 'keyspace')

/**
 * What a random call must not do: wait, ask for a reply of any size, or answer with what no two servers have
 * in common.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'wait',
  'srandmember',
  'zrandmember',
  'hrandfield',
  'object|idletime',
  'object|help',
  'memory|usage',
  'dump',
  'restore',
  'xinfo|help',
  'xgroup|help',
  'sort',
  'sort_ro',
])

/**
 * Whose replies hang on time or chance, or whose values differ on the wire: only their templates are used.
 */
const APART: ReadonlySet<CommandGroup> = new Set(['pubsub', 'scripting', 'hyperloglog'])

/** Calls with all options of every row of the table, so that a new row takes part by itself. */
const bySyntax = fc.oneof(
  ...served
    .filter(
      ({ name, group, flags }) => !LEFT_OUT.has(name) && !flags.includes('blocking') && !APART.has(group),
    )
    .map(({ name, syntax }) => callsOf(name.toUpperCase(), syntax)),
)

const families = FAMILIES.filter(([command]) => COMMANDS.rows.has(command))

const has = (args: Command, ...words: string[]): boolean =>
  args.some((arg) => words.includes(arg.toString('latin1').toUpperCase()))

/** What hangs on the moment, or would make the real Redis build a reply without end. */
function settled(args: Command): boolean {
  const name = args[0]?.toString('latin1').toLowerCase() ?? ''
  if (/^p?expire$/.test(name)) return !has(args.slice(3), 'GT', 'LT')
  if (/^(srandmember|zrandmember|hrandfield)$/.test(name))
    return Math.abs(Number(args[2] ?? 0)) < 1_000 || !/^-?\d+$/.test(args[2]!.toString())
  if (/^(xread|xreadgroup)$/.test(name)) return !has(args, 'BLOCK')
  if (/^pf(add|merge)$/.test(name))
    return args[1] === undefined || SKETCHES.includes(args[1].toString('latin1'))
  if (name === 'xadd') return !has(args, '*')
  if (/^b[lrz](m?pop|popm(in|ax)|move|poplpush)$/.test(name))
    return ['0.001', '-1', 'abc'].includes(args[/mpop$/.test(name) ? 1 : args.length - 1]!.toString())
  return !/^(wait|client|command|info|auth|hello|quit|reset|multi|exec|discard|watch|unwatch)$/.test(name)
}

/** Names that begin with `$` are refused where something may be kept under them; Redis has no such rule. */
function namesAreOpen(args: Command): boolean {
  const row = COMMANDS.rows.get(args[0]?.toString('latin1').toLowerCase() ?? '')
  if (row === undefined || row.kind === 'refused') return true
  const leaf =
    row.kind === 'container' ? row.subcommands.get(args[1]?.toString('latin1').toLowerCase() ?? '') : row
  return leaf === undefined || !usesNames(leaf) || keyIndexes(leaf, args).every((i) => args[i]?.[0] !== 0x24)
}

const settledAndOpen = (args: Command): boolean => args.length > 0 && settled(args) && namesAreOpen(args)

const plain = fc.oneof(...families.map(([, weight, arbitrary]) => ({ weight, arbitrary })))

const sensible = COMMANDS.rows.has('eval')
  ? fc.oneof(
      { weight: 30, arbitrary: plain },
      {
        weight: 3,
        arbitrary: scripting(
          plain.filter((args) => settledAndOpen(args) && !has(args.slice(0, 1), 'SORT', 'SORT_RO')),
        ),
      },
    )
  : plain

/** A command of any family. */
const anyCommand: fc.Arbitrary<Command> = fc
  .oneof(
    { withCrossShrink: false },
    { weight: 12, arbitrary: sensible },
    { weight: 4, arbitrary: bySyntax },
    { weight: 1, arbitrary: damaged(fc.oneof(plain, bySyntax)) },
  )
  .filter(settledAndOpen)

/**
 * One family more than the others, so that its values live long enough to be built upon; or all of them
 * alike.
 */
export const MIXTURES: readonly fc.Arbitrary<Command>[] = [
  anyCommand,
  ...families.map(([, , favourite]) =>
    fc.oneof(
      { weight: 3, arbitrary: favourite.filter(settledAndOpen) },
      { weight: 1, arbitrary: anyCommand },
    ),
  ),
]
