import { KvError } from '../../errors/errors.ts'
import type { Protocol } from '../../protocol/encode.ts'
import { EncodedOnce } from '../../protocol/encoded-once.ts'
import { compileGlob } from '../../redis-semantics/glob.ts'
import type { CommandTable } from '../../registry/command-table.ts'
import {
  arityFits,
  type ContainerRow,
  connection,
  container,
  keyIndexes,
  type LeafRow,
  type Row,
} from '../../registry/row.ts'
import { argumentReply, parseSyntax } from '../../registry/syntax.ts'
import { MapReply, NULL_ARRAY, type Reply, SetReply, SimpleString } from '../../reply/reply.ts'
import { word } from '../parsing/args.ts'

const served = ({ rows }: CommandTable): Row[] => [...rows.values()].filter((row) => row.kind !== 'refused')

/** By name, also `client|id`; undefined when it is not served. */
function find({ rows }: CommandTable, name: string): Row | undefined {
  const [main = '', sub] = name.toLowerCase().split('|')
  const row = rows.get(main)
  if (row === undefined || row.kind === 'refused') return undefined
  if (sub === undefined) return row
  return row.kind === 'container' ? row.subcommands.get(sub) : undefined
}

const CATEGORY_OF_GROUP: Partial<Record<Row['group'], string>> = {
  string: '@string',
  list: '@list',
  hash: '@hash',
  set: '@set',
  'sorted-set': '@sortedset',
  stream: '@stream',
  bitmap: '@bitmap',
  hyperloglog: '@hyperloglog',
  generic: '@keyspace',
  pubsub: '@pubsub',
  transactions: '@transaction',
  connection: '@connection',
  scripting: '@scripting',
}

function categories({ flags, group }: Row): string[] {
  const result: string[] = []
  if (flags.includes('write')) result.push('@write')
  if (flags.includes('readonly')) result.push('@read')
  const category = CATEGORY_OF_GROUP[group]
  if (category !== undefined) result.push(category)
  result.push(flags.includes('fast') ? '@fast' : '@slow')
  if (flags.includes('blocking')) result.push('@blocking')
  return result
}

/** One element of COMMAND's reply: https://redis.io/docs/latest/commands/command/ */
function info(row: Row): Reply {
  const { keys } = row
  const flags =
    keys.find === undefined || row.flags.includes('movablekeys') ? row.flags : [...row.flags, 'movablekeys']
  // Redis 7.0 has that flag, and does not tell it.
  const told = flags.filter((flag) => flag !== 'may_replicate')
  const access = row.flags.includes('write') ? ['RW', 'update'] : ['RO', 'access']
  const lastKey = keys.last < 0 ? keys.last : keys.last - keys.first
  const specs: Reply[] =
    keys.first === 0
      ? []
      : [
          new MapReply([
            'flags',
            new SetReply(access.map((flag) => new SimpleString(flag))),
            'begin_search',
            new MapReply(['type', 'index', 'spec', new MapReply(['index', keys.first])]),
            'find_keys',
            new MapReply([
              'type',
              'range',
              'spec',
              new MapReply(['lastkey', lastKey, 'keystep', keys.step, 'limit', 0]),
            ]),
          ]),
        ]
  const subcommands = row.kind === 'container' ? [...row.subcommands.values()].map(info) : []
  return [
    row.name,
    row.arity,
    new SetReply(told.map((flag) => new SimpleString(flag))),
    keys.first,
    keys.last,
    keys.step,
    new SetReply(categories(row).map((category) => new SimpleString(category))),
    [],
    specs,
    subcommands,
  ]
}

/** One command's entry of COMMAND DOCS: https://redis.io/docs/latest/commands/command-docs/ */
function docs(row: Row): Reply {
  const flat: Reply[] = [
    'summary',
    row.summary,
    'since',
    row.since,
    'group',
    row.group,
    'complexity',
    row.complexity,
  ]
  if (row.syntax !== '') flat.push('arguments', argumentReply(parseSyntax(row.syntax)))
  if (row.kind === 'container')
    flat.push(
      'subcommands',
      new MapReply([...row.subcommands.values()].flatMap((sub) => [sub.name, docs(sub)])),
    )
  return new MapReply(flat)
}

function list(table: CommandTable, args: readonly Buffer[]): Reply {
  const names = served(table).flatMap((row) => [
    row.name,
    ...(row.kind === 'container' ? [...row.subcommands.values()].map((sub) => sub.name) : []),
  ])
  if (args.length === 2) return names
  if (args.length !== 5 || word(args[2]) !== 'FILTERBY') throw new KvError('syntax')
  switch (word(args[3])) {
    case 'PATTERN': {
      const matches = compileGlob(args[4]!, true)
      return names.filter((name) => matches(Buffer.from(name)))
    }
    case 'ACLCAT': {
      const category = `@${args[4]!.toString('latin1').toLowerCase()}`
      return names.filter((name) => categories(find(table, name)!).includes(category))
    }
    case 'MODULE':
      return []
    default:
      throw new KvError('syntax')
  }
}

function getKeys(table: CommandTable, args: readonly Buffer[]): Reply {
  const request = args.slice(2)
  let row: Row | undefined = find(table, request[0]!.toString('latin1'))
  if (row?.kind === 'container') row = row.subcommands.get(request[1]?.toString('latin1').toLowerCase() ?? '')
  if (row === undefined) throw new KvError('command_invalid')
  if (row.keys.first === 0 && row.keys.find === undefined) throw new KvError('command_no_keys')
  if (!arityFits(row, request.length)) throw new KvError('command_arity')
  const indexes = keyIndexes(row, request)
  if (indexes.length === 0 && !row.flags.includes('no_mandatory_keys')) throw new KvError('command_arguments')
  return indexes.map((index) => request[index]!)
}

const HELP = [
  'COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  '(no subcommand)',
  '    Return details about all commands that are served.',
  'COUNT',
  '    Return the total number of commands that are served.',
  'LIST [FILTERBY (MODULE <module-name>|ACLCAT <cat>|PATTERN <pattern>)]',
  '    Return a list of all commands that are served.',
  'INFO [<command-name> ...]',
  '    Return details about multiple commands.',
  'DOCS [<command-name> ...]',
  '    Return documentation details about multiple commands.',
  'GETKEYS <full-command>',
  '    Return the keys from a full command.',
  'HELP',
  '    Print this help.',
]

const group = 'server'
const flags = 'loading stale'

/** What is told of one command may have some thousand bytes. */
const MAX_NAMES = 1_024

function namesIn(args: readonly Buffer[]): string[] {
  const used = args.length - 2
  if (used > MAX_NAMES)
    throw new KvError('too_many_names', { used: String(used), allowed: String(MAX_NAMES) })
  return args.slice(2).map((arg) => arg.toString('latin1'))
}

/** What is told of each row: it does not change, and many ask for all. */
function eachOnce(tell: (row: Row) => Reply): (row: Row, protocol: Protocol) => Reply {
  const told = new WeakMap<Row, EncodedOnce>()
  return (row, protocol) => {
    const known = told.get(row) ?? new EncodedOnce(() => tell(row))
    told.set(row, known)
    return known.in(protocol)
  }
}

const infoOf = eachOnce(info)
const docsOf = eachOnce(docs)

const subcommands = (table: () => CommandTable, allInfo: EncodedOnce, allDocs: EncodedOnce): LeafRow[] => [
  connection({
    name: 'command|count',
    arity: 2,
    flags,
    group,
    since: '2.8.13',
    syntax: '',
    summary: 'Returns how many commands are served.',
    handle: () => served(table()).length,
  }),
  connection({
    name: 'command|docs',
    arity: -2,
    flags,
    group,
    since: '7.0.0',
    syntax: '[command-name [command-name ...]]',
    summary: 'Documents commands.',
    complexity: 'O(N) in the number of commands',
    handle: ({ protocol }, args) => {
      if (args.length === 2) return allDocs.in(protocol)
      const rows = namesIn(args).map((name) => find(table(), name))
      return new MapReply(rows.flatMap((row) => (row === undefined ? [] : [row.name, docsOf(row, protocol)])))
    },
  }),
  connection({
    name: 'command|getkeys',
    arity: -3,
    flags,
    group,
    since: '2.8.13',
    syntax: 'command [arg [arg ...]]',
    summary: 'Returns which arguments of a command are keys.',
    complexity: 'O(N) in the number of arguments',
    handle: (_session, args) => getKeys(table(), args),
  }),
  connection({
    name: 'command|help',
    arity: 2,
    flags,
    group,
    since: '5.0.0',
    syntax: '',
    summary: 'Returns help about COMMAND.',
    handle: () => HELP,
  }),
  connection({
    name: 'command|info',
    arity: -2,
    flags,
    group,
    since: '2.8.13',
    syntax: '[command-name [command-name ...]]',
    summary: 'Describes commands.',
    complexity: 'O(N) in the number of commands',
    handle: ({ protocol }, args) => {
      if (args.length === 2) return allInfo.in(protocol)
      return namesIn(args).map((name) => {
        const row = find(table(), name)
        return row === undefined ? NULL_ARRAY : infoOf(row, protocol)
      })
    },
  }),
  connection({
    name: 'command|list',
    arity: -2,
    flags,
    group,
    since: '7.0.0',
    syntax: '[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]',
    summary: 'Lists the commands that are served.',
    complexity: 'O(N) in the number of commands',
    handle: (_session, args) => list(table(), args),
  }),
]

/** The row that describes the table that it is in. */
export function commandRow(table: () => CommandTable): ContainerRow {
  const allInfo = new EncodedOnce(() => served(table()).map(info))
  const allDocs = new EncodedOnce(() => new MapReply(served(table()).flatMap((row) => [row.name, docs(row)])))
  return container(
    {
      name: 'command',
      arity: -1,
      flags,
      group,
      since: '2.8.13',
      syntax: '',
      summary: 'Describes all commands that are served.',
      complexity: 'O(N) in the number of commands',
      bare: ({ protocol }) => allInfo.in(protocol),
    },
    subcommands(table, allInfo, allDocs),
  )
}
