import { KvError, respText } from '../../errors/errors.ts'
import { connection, container, type LeafRow } from '../../registry/row.ts'
import { ErrorReply, NULL_ARRAY, OK, type Reply, Verbatim } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { int64, word } from '../parsing/args.ts'
import { CLIENT_CONTROL } from './client-control.ts'
import { clientLine, list } from './client-list.ts'
import { CLIENT_TRACKING } from './client-tracking.ts'
import { checkName } from './handshake.ts'

const onOff = (arg: Buffer): void => {
  const value = word(arg)
  if (value !== 'ON' && value !== 'OFF') throw new KvError('syntax')
}

function setInfo(session: Session, args: readonly Buffer[]): Reply {
  const attribute = word(args[2])
  if (attribute === 'LIB-NAME') session.libName = checkName(args[3]!, 'lib-name')
  else if (attribute === 'LIB-VER') session.libVersion = checkName(args[3]!, 'lib-ver')
  else throw new KvError('client_option')
  return OK
}

/** OFF silences everything after it, SKIP the next command; neither answers itself. */
function replyMode(session: Session, args: readonly Buffer[]): Reply | undefined {
  const mode = word(args[2])
  if (mode === 'ON') {
    session.replyMode = 'on'
    return OK
  }
  if (mode === 'OFF') session.replyMode = 'off'
  else if (mode === 'SKIP') session.replyMode = session.replyMode === 'off' ? 'off' : 'skip-next'
  else throw new KvError('syntax')
  return undefined
}

function unblock(session: Session, args: readonly Buffer[]): Reply {
  const how = word(args[3])
  if (args.length > 4) throw new KvError('wrong_subcommand', { subcommand: 'UNBLOCK', command: 'CLIENT' })
  if (args.length === 4 && how !== 'TIMEOUT' && how !== 'ERROR') {
    throw new KvError('unblock_reason')
  }
  const id = int64(args[2]!)
  const sibling = session.siblings.find((each) => BigInt(each.id) === id)
  const reply = how === 'ERROR' ? new ErrorReply(respText('unblocked')) : NULL_ARRAY
  return sibling?.blocked?.end(reply) === true ? 1 : 0
}

const HELP = [
  'CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CACHING (YES|NO)',
  '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
  'GETREDIR',
  '    Return the client ID we are redirecting to when tracking is enabled.',
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current connection.',
  'KILL <ip:port>',
  "    Kill this automation's connection made from <ip:port> to this server.",
  'KILL <option> <value> [<option> <value> [...]]',
  "    Kill this automation's connections to this server. Options are:",
  '    * ADDR <ip:port>',
  '      Kill connections made from the specified address',
  '    * LADDR <ip:port>',
  '      Kill connections made to specified local address',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Kill connections by type.',
  '    * USER <username>',
  '      Kill connections of the user default, who all are.',
  '    * SKIPME (YES|NO)',
  '      Skip killing current connection (default: yes).',
  'LIST [options ...]',
  "    Return information about this automation's connections to this server. Options:",
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Return clients of specified type.',
  '    * ID id [id...]',
  '      Return clients of specified IDs only.',
  'NO-EVICT (ON|OFF)',
  '    Accepted; connections are never evicted.',
  'NO-TOUCH (ON|OFF)',
  '    Accepted; idle times are kept by the backing Redis.',
  'PAUSE <timeout> [WRITE|ALL]',
  "    Suspend all, or just write, commands of this automation's connections to this",
  '    server for <timeout> milliseconds, a minute at most.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>',
  '    Set client meta attr. Options are: LIB-NAME, LIB-VER.',
  'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]',
  '         [OPTIN] [OPTOUT] [NOLOOP]',
  '    Control server assisted client side caching.',
  'TRACKINGINFO',
  '    Report tracking status for the current connection.',
  'UNPAUSE',
  '    Stop the current client pause, resuming traffic.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]',
  '    Unblock the specified blocked client.',
  'HELP',
  '    Print this help.',
]

const group = 'connection'
const flags = 'noscript loading stale'

const SUBCOMMANDS: LeafRow[] = [
  connection({
    name: 'client|getname',
    arity: 2,
    flags,
    group,
    since: '2.6.9',
    syntax: '',
    summary: 'Returns the name of the connection.',
    handle: (session) => (session.name === '' ? null : session.name),
  }),
  connection({
    name: 'client|help',
    arity: 2,
    flags: 'loading stale',
    group,
    since: '5.0.0',
    syntax: '',
    summary: 'Returns help about CLIENT.',
    handle: () => HELP,
  }),
  connection({
    name: 'client|id',
    arity: 2,
    flags,
    group,
    since: '5.0.0',
    syntax: '',
    summary: 'Returns the number of the connection.',
    handle: (session) => session.id,
  }),
  connection({
    name: 'client|info',
    arity: 2,
    flags,
    group,
    since: '6.2.0',
    syntax: '',
    summary: 'Describes the connection.',
    handle: (session) => new Verbatim('txt', `${clientLine(session, Date.now())}\n`),
  }),
  connection({
    name: 'client|list',
    arity: -2,
    flags: `admin ${flags}`,
    group,
    since: '2.4.0',
    syntax: '[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]',
    summary: "Describes the automation's own connections to this server.",
    complexity: 'O(N) in the number of connections',
    handle: list,
  }),
  connection({
    name: 'client|no-evict',
    arity: 3,
    flags: `admin ${flags}`,
    group,
    since: '7.0.0',
    syntax: '<ON | OFF>',
    summary: 'Accepted: connections are never evicted.',
    handle: (_session, args) => {
      onOff(args[2]!)
      return OK
    },
  }),
  connection({
    name: 'client|no-touch',
    arity: 3,
    flags,
    group,
    since: '7.2.0',
    syntax: '<ON | OFF>',
    summary: 'Accepted: idle times are kept by the backing Redis.',
    handle: (_session, args) => {
      onOff(args[2]!)
      return OK
    },
  }),
  connection({
    name: 'client|reply',
    arity: 3,
    flags,
    group,
    since: '3.2.0',
    syntax: '<ON | OFF | SKIP>',
    exclusive: true,
    summary: 'Switches replies on or off, or skips the next one.',
    handle: replyMode,
  }),
  connection({
    name: 'client|setinfo',
    arity: 4,
    flags,
    group,
    since: '7.2.0',
    syntax: '<LIB-NAME libname | LIB-VER libver>',
    summary: 'Tells the name and version of the client library.',
    handle: setInfo,
  }),
  connection({
    name: 'client|setname',
    arity: 3,
    flags,
    group,
    since: '2.6.9',
    syntax: 'connection-name',
    summary: 'Names the connection.',
    handle: (session, args) => {
      session.name = checkName(args[2]!)
      return OK
    },
  }),
  connection({
    name: 'client|unblock',
    arity: -3,
    flags: `admin ${flags}`,
    group,
    since: '5.0.0',
    syntax: 'client-id [TIMEOUT | ERROR]',
    summary: "Ends the waiting of one of the automation's own connections to this server.",
    handle: unblock,
  }),
]

export const CLIENT = container(
  {
    name: 'client',
    arity: -2,
    flags: '',
    group,
    since: '2.4.0',
    syntax: '',
    summary: 'A container for commands on connections.',
  },
  [...SUBCOMMANDS, ...CLIENT_TRACKING, ...CLIENT_CONTROL],
)
