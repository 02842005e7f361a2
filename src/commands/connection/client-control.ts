import { KvError } from '../../errors/errors.ts'
import { connection, type LeafRow } from '../../registry/row.ts'
import { OK, type Reply } from '../../reply/reply.ts'
import { MAX_PAUSE_MS } from '../../session/pauses.ts'
import type { Session } from '../../session/session.ts'
import { integer, integerFrom, word } from '../parsing/args.ts'
import { clientType, isOfType } from './client-list.ts'

// CLIENT KILL and CLIENT PAUSE reach the automation's own connections to this process, and no other's.

/** The one user that every connection shows. */
const USER = 'default'

/** The options of CLIENT KILL: which connections they mean, and whether the asking one is left out. */
interface Selection {
  readonly matches: (session: Session) => boolean
  readonly skipMe: boolean
}

function parseSelection(args: readonly Buffer[]): Selection {
  const tests: ((session: Session) => boolean)[] = []
  let skipMe = true
  for (let i = 2; i < args.length; i += 2) {
    const option = word(args[i])
    const value = args[i + 1]
    if (value === undefined) throw new KvError('syntax')
    const text = value.toString('latin1')
    if (option === 'ID') {
      const id = integerFrom(value, 1, 'kill_id')
      tests.push((session) => session.id === id)
    } else if (option === 'TYPE') {
      const type = clientType(value)
      tests.push((session) => isOfType(session, type))
    } else if (option === 'ADDR') {
      tests.push(({ address }) => address === text)
    } else if (option === 'LADDR') {
      tests.push(({ localAddress }) => localAddress === text)
    } else if (option === 'USER') {
      if (text !== USER) throw new KvError('no_such_user', { word: value })
    } else if (option === 'SKIPME') {
      if (!['YES', 'NO'].includes(word(value))) throw new KvError('syntax')
      skipMe = word(value) === 'YES'
    } else {
      throw new KvError('syntax')
    }
  }
  return { matches: (session) => tests.every((test) => test(session)), skipMe }
}

/** The asking connection still gets its reply; the others are cut. */
function close(session: Session, asking: Session): void {
  if (session === asking) session.closing = true
  else session.cut()
}

function kill(asking: Session, args: readonly Buffer[]): Reply {
  if (args.length === 3) {
    const address = args[2]!.toString('latin1')
    const found = asking.siblings.find((session) => session.address === address)
    if (found === undefined) throw new KvError('no_such_client')
    close(found, asking)
    return OK
  }
  const { matches, skipMe } = parseSelection(args)
  const chosen = asking.siblings.filter((session) => matches(session) && !(skipMe && session === asking))
  for (const session of chosen) close(session, asking)
  return chosen.length
}

function pause({ context, automation }: Session, args: readonly Buffer[]): Reply {
  if (args.length > 4) throw new KvError('wrong_subcommand', { subcommand: 'PAUSE', command: 'CLIENT' })
  const mode = args.length === 4 ? word(args[3]) : 'ALL'
  if (mode !== 'ALL' && mode !== 'WRITE') throw new KvError('pause_mode')
  if (integerFrom(args[2]!, Number.MIN_SAFE_INTEGER, 'timeout_not_integer') < 0)
    throw new KvError('timeout_negative')
  const ms = integer(args[2]!)
  if (ms > MAX_PAUSE_MS) throw new KvError('pause_too_long', { allowed: MAX_PAUSE_MS })
  context.pauses.begin(automation!.id, ms, mode === 'ALL')
  return OK
}

const KILL_OPTION =
  '<[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no]>'

const group = 'connection'
const flags = 'admin noscript loading stale'
/** Who may only read must not stop those who write. */
const right = 'kv:write'

export const CLIENT_CONTROL: readonly LeafRow[] = [
  connection({
    name: 'client|kill',
    arity: -3,
    flags: `admin ${flags}`,
    group,
    right,
    since: '2.4.0',
    syntax: `<ip:port | ${KILL_OPTION} [${KILL_OPTION} ...]>`,
    summary: "Closes some of the automation's own connections to this server.",
    complexity: 'O(N) in the number of connections',
    handle: kill,
  }),
  connection({
    name: 'client|pause',
    arity: -3,
    flags: `admin ${flags}`,
    group,
    right,
    since: '3.0.0',
    syntax: 'timeout [WRITE | ALL]',
    summary:
      "Holds back the commands of the automation's own connections to this server, for a minute at most.",
    handle: pause,
  }),
  connection({
    name: 'client|unpause',
    arity: 2,
    flags: `admin ${flags}`,
    group,
    right,
    since: '6.2.0',
    endsPause: true,
    syntax: '',
    summary: "Ends the pause of the automation's own connections to this server.",
    complexity: 'O(N) in the number of connections that wait',
    handle: ({ context, automation }) => {
      context.pauses.end(automation!.id)
      return OK
    },
  }),
]
