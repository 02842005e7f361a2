import { KvError } from '../../errors/errors.ts'
import { connection, container } from '../../registry/row.ts'
import { OK, type Reply, SimpleString } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import type { SlowCommand } from '../../session/slow-log.ts'
import { integerFrom } from '../parsing/args.ts'

const DEFAULT_COUNT = 10

const entriesOf = ({ context, automation }: Session): readonly SlowCommand[] =>
  context.slowLogs.of(automation!.id)

function get(session: Session, args: readonly Buffer[]): Reply {
  if (args.length > 3) throw new KvError('wrong_subcommand', { subcommand: args[1]!, command: 'SLOWLOG' })
  const count = args[2] === undefined ? DEFAULT_COUNT : integerFrom(args[2], -1, 'slowlog_count')
  return entriesOf(session)
    .toReversed()
    .slice(0, count === -1 ? undefined : count)
    .map(({ id, at, microseconds, args: shown, address, clientName }) => [
      id,
      at,
      microseconds,
      shown,
      address,
      clientName,
    ])
}

const HELP = [
  'SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET [<count>]',
  "    Return top <count> entries from the automation's slowlog (default: 10, -1 mean all).",
  '    Entries are made of:',
  '    id, timestamp, time in microseconds, arguments array, client IP and port,',
  '    client name',
  'LEN',
  '    Return the length of the slowlog.',
  'RESET',
  '    Reset the slowlog.',
  'HELP',
  '    Print this help.',
].map((line) => new SimpleString(line))

const group = 'server'
const flags = 'admin loading stale'

export const SLOWLOG = container(
  {
    name: 'slowlog',
    arity: -2,
    flags: '',
    group,
    since: '2.2.12',
    syntax: '',
    summary: 'A container for commands on slow commands of the automation.',
  },
  [
    connection({
      name: 'slowlog|get',
      arity: -2,
      flags,
      group,
      since: '2.2.12',
      syntax: '[count]',
      summary: "Returns the latest of the automation's commands to this process that took long.",
      complexity: 'O(N) in the number of entries returned',
      handle: get,
    }),
    connection({
      name: 'slowlog|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since: '6.2.0',
      syntax: '',
      summary: 'Returns help about SLOWLOG.',
      handle: () => HELP,
    }),
    connection({
      name: 'slowlog|len',
      arity: 2,
      flags,
      group,
      since: '2.2.12',
      syntax: '',
      summary: 'Returns how many slow commands are kept.',
      handle: (session) => entriesOf(session).length,
    }),
    connection({
      name: 'slowlog|reset',
      arity: 2,
      flags,
      group,
      since: '2.2.12',
      syntax: '',
      summary: 'Forgets the slow commands of the automation.',
      handle: ({ context, automation }) => {
        context.slowLogs.reset(automation!.id)
        return OK
      },
    }),
  ],
)
