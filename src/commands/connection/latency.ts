import { connection, container } from '../../registry/row.ts'
import { SimpleString, Verbatim } from '../../reply/reply.ts'

// Events of latency are the server's, which belongs to its operator: there are none of an automation.

const HELP = [
  'LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DOCTOR',
  '    Say that latency is not monitored.',
  'HISTORY <event>',
  '    Return time-latency samples for the <event> class: none.',
  'LATEST',
  '    Return the latest latency samples for all events: none.',
  'RESET [<event> ...]',
  '    Return how many events were reset: none.',
  'HELP',
  '    Print this help.',
].map((line) => new SimpleString(line))

const DOCTOR = 'Latency is not monitored for automations. SLOWLOG GET has the slow commands of this one.\n'

const group = 'server'
const flags = 'admin noscript loading stale'
const since = '2.8.13'

export const LATENCY = container(
  {
    name: 'latency',
    arity: -2,
    flags: '',
    group,
    since,
    syntax: '',
    summary: 'A container for commands on latency, of which there is nothing to tell.',
  },
  [
    connection({
      name: 'latency|doctor',
      arity: 2,
      flags,
      group,
      since,
      syntax: '',
      summary: 'Says that latency is not monitored.',
      handle: () => new Verbatim('txt', DOCTOR),
    }),
    connection({
      name: 'latency|help',
      arity: 2,
      flags: 'loading stale',
      group,
      since,
      syntax: '',
      summary: 'Returns help about LATENCY.',
      handle: () => HELP,
    }),
    connection({
      name: 'latency|history',
      arity: 3,
      flags,
      group,
      since,
      syntax: 'event',
      summary: 'Answers an empty list: there are no samples.',
      handle: () => [],
    }),
    connection({
      name: 'latency|latest',
      arity: 2,
      flags,
      group,
      since,
      syntax: '',
      summary: 'Answers an empty list: there are no events.',
      handle: () => [],
    }),
    connection({
      name: 'latency|reset',
      arity: -2,
      flags,
      group,
      since,
      syntax: '[event [event ...]]',
      summary: 'Answers 0: there are no events.',
      handle: () => 0,
    }),
  ],
)
