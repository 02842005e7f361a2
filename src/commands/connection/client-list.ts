import { KvError } from '../../errors/errors.ts'
import { type Reply, Verbatim } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { word } from '../parsing/args.ts'
import { redirection } from './client-tracking.ts'

/** What Redis shows of a connection that never had a long reply. */
const REPLY_BUFFER_BYTES = 1_024

const secondsSince = (moment: number, now: number): number => Math.floor((now - moment) / 1_000)

function flagsOf({ isMonitor, subscribed, transaction, isWaiting, tracking }: Session): string {
  const flags: ReadonlyArray<readonly [letter: string, isSet: boolean | undefined]> = [
    ['O', isMonitor],
    ['P', subscribed],
    ['x', transaction.queued !== undefined],
    ['b', isWaiting],
    ['t', tracking !== undefined],
    ['R', tracking?.isBroken],
    ['B', tracking?.options.isBroadcast],
  ]
  const set = flags.filter(([, isSet]) => isSet === true)
  return set.map(([letter]) => letter).join('') || 'N'
}

/**
 * One line of CLIENT LIST: Redis's fields in the order of 7.0, and the two that 7.2 added. Clients look for
 * each of them by name. What has no counterpart here is as for an idle client.
 */
export function clientLine(session: Session, now: number): string {
  const { channel, pattern, shard } = session.subscriptions
  const { queued, queuedBytes } = session.transaction
  const { received, uncounted, encoded, unsent, events } = session.buffers()
  const fields = {
    id: session.id,
    addr: session.address,
    laddr: session.localAddress,
    fd: 0,
    name: session.name,
    age: secondsSince(session.createdAt, now),
    idle: secondsSince(session.lastCommandAt, now),
    flags: flagsOf(session),
    db: 0,
    sub: channel.size,
    psub: pattern.size,
    ssub: shard.size,
    multi: queued ?? -1,
    qbuf: received,
    'qbuf-free': 0,
    'argv-mem': 0,
    'multi-mem': queuedBytes,
    rbs: REPLY_BUFFER_BYTES,
    rbp: 0,
    obl: encoded,
    oll: unsent > 0 ? 1 : 0,
    omem: unsent,
    'tot-mem': session.memory.bytes + uncounted + encoded + unsent,
    events,
    cmd: session.lastCommand,
    user: 'default',
    redir: redirection(session),
    resp: session.protocol,
    'lib-name': session.libName,
    'lib-ver': session.libVersion,
  }
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

/** The type by which CLIENT LIST and CLIENT KILL pick connections. Throws `client_type`. */
export function clientType(arg: Buffer): string {
  const type = word(arg)
  if (!['NORMAL', 'MASTER', 'REPLICA', 'SLAVE', 'PUBSUB'].includes(type))
    throw new KvError('client_type', { word: arg })
  return type
}

export const isOfType = ({ subscribed }: Session, type: string): boolean =>
  type === (subscribed ? 'PUBSUB' : 'NORMAL')

export function list(session: Session, args: readonly Buffer[]): Reply {
  let ids: ReadonlySet<string> | undefined
  let type: string | undefined
  if (args.length > 2) {
    const option = word(args[2])
    if (option === 'TYPE' && args.length === 4) {
      type = clientType(args[3]!)
    } else if (option === 'ID' && args.length > 3) {
      ids = new Set(args.slice(3).map(String))
      for (const id of ids) if (!/^[1-9]\d*$/.test(id)) throw new KvError('client_id')
    } else {
      throw new KvError('syntax')
    }
  }
  const now = Date.now()
  const shown = session.siblings.filter(
    (other) =>
      (ids === undefined || ids.has(String(other.id))) && (type === undefined || isOfType(other, type)),
  )
  return new Verbatim('txt', shown.map((other) => `${clientLine(other, now)}\n`).join(''))
}
