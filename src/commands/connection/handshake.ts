import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import { connection } from '../../registry/row.ts'
import { MapReply, OK, PONG, type Reply, SimpleString } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { int32, word } from '../parsing/args.ts'

/** The Redis whose commands and replies this server has. */
export const COMPATIBLE_VERSION = '7.0.15'

/** CLIENT SETNAME and HELLO SETNAME: printable ASCII without spaces, as Redis's validateClientName. */
export function checkName(name: Buffer, what = 'Client names'): string {
  for (const byte of name) {
    if (byte < 0x21 || byte > 0x7e) throw new KvError('client_name', { what })
  }
  return name.toString('latin1')
}

function hello(session: Session, args: readonly Buffer[]): Reply | Promise<Reply> {
  let protocol = session.protocol
  let token: Buffer | undefined
  let name: string | undefined
  if (args.length > 1) {
    const version = parseInteger(args[1]!)
    if (version === undefined) throw new KvError('protocol_version')
    if (version !== 2n && version !== 3n) throw new KvError('noproto')
    protocol = version === 2n ? 2 : 3
  }
  for (let i = 2; i < args.length; i++) {
    const option = word(args[i])
    if (option === 'AUTH' && i + 2 < args.length) {
      token = args[i + 2]
      i += 2
    } else if (option === 'SETNAME' && i + 1 < args.length) {
      name = checkName(args[++i]!)
    } else {
      throw new KvError('hello_option')
    }
  }
  const greet = (): Reply => {
    if (session.identity === undefined) {
      throw new KvError('hello_noauth')
    }
    session.protocol = protocol
    if (name !== undefined) session.name = name
    return new MapReply([
      'server',
      'redis',
      'version',
      COMPATIBLE_VERSION,
      'proto',
      protocol,
      'id',
      session.id,
      'mode',
      'standalone',
      'role',
      'master',
      'modules',
      [],
    ])
  }
  const login = token === undefined ? undefined : session.login(token)
  return login === undefined ? greet() : login.then(greet)
}

function auth(session: Session, args: readonly Buffer[]): Reply | Promise<Reply> {
  if (args.length > 3) throw new KvError('syntax')
  return session.login(args[args.length - 1]!)?.then(() => OK) ?? OK
}

const group = 'connection'

export const CONNECTION = [
  connection({
    name: 'auth',
    arity: -2,
    flags: 'noscript loading stale fast no_auth allow_busy',
    group,
    since: '1.0.0',
    exclusive: true,
    syntax: '[username] password',
    summary: 'Logs in: the password is the token of the run, the username is ignored.',
    handle: auth,
  }),
  connection({
    name: 'hello',
    arity: -1,
    flags: 'noscript loading stale fast no_auth allow_busy',
    group,
    since: '6.0.0',
    exclusive: true,
    syntax: '[protover [AUTH username password] [SETNAME clientname]]',
    summary: 'Picks the protocol version, and may log in and name the connection.',
    handle: hello,
  }),
  connection({
    name: 'ping',
    arity: -1,
    flags: 'fast sentinel',
    group,
    since: '1.0.0',
    syntax: '[message]',
    summary: 'Answers PONG, or the message.',
    whileSubscribed: true,
    handle: (session, args) => {
      if (args.length > 2) throw new KvError('wrong_arity', { command: 'ping' })
      // A RESP2 client that listens tells replies from messages by their being arrays.
      if (session.protocol === 2 && session.subscribed) return ['pong', args[1] ?? '']
      return args[1] ?? PONG
    },
  }),
  connection({
    name: 'echo',
    arity: 2,
    flags: 'loading stale fast',
    group,
    since: '1.0.0',
    syntax: 'message',
    summary: 'Answers the message.',
    handle: (_session, args) => args[1]!,
  }),
  connection({
    name: 'select',
    arity: 2,
    flags: 'loading stale fast',
    group,
    since: '1.0.0',
    syntax: 'index',
    summary: 'Accepts database 0, the only one.',
    handle: (_session, args) => {
      if (int32(args[1]!) !== 0) throw new KvError('db_index')
      return OK
    },
  }),
  connection({
    name: 'quit',
    arity: -1,
    flags: 'noscript loading stale fast no_auth allow_busy',
    group,
    since: '1.0.0',
    exclusive: true,
    immediate: true,
    whileSubscribed: true,
    syntax: '',
    summary: 'Answers OK and closes the connection.',
    handle: (session) => {
      session.closing = true
      return OK
    },
  }),
  connection({
    name: 'reset',
    arity: 1,
    flags: 'noscript loading stale fast no_auth allow_busy',
    group,
    since: '6.2.0',
    exclusive: true,
    immediate: true,
    whileSubscribed: true,
    syntax: '',
    summary: 'Brings the connection back to the state of a new one, logged out.',
    handle: (session) => {
      session.reset()
      return new SimpleString('RESET')
    },
  }),
  connection({
    name: 'readonly',
    arity: 1,
    flags: 'loading stale fast',
    group: 'connection',
    since: '3.0.0',
    syntax: '',
    summary: 'Answers OK: there is one node, and it may be read.',
    handle: () => OK,
  }),
  connection({
    name: 'readwrite',
    arity: 1,
    flags: 'loading stale fast',
    group: 'connection',
    since: '3.0.0',
    syntax: '',
    summary: 'Answers OK: the opposite of READONLY.',
    handle: () => OK,
  }),
]
