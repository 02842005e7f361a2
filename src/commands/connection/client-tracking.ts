import { type ErrorText, KvError } from '../../errors/errors.ts'
import { connection, type LeafRow } from '../../registry/row.ts'
import { MapReply, OK, type Reply, SetReply } from '../../reply/reply.ts'
import { ClientTracking, type TrackingOptions } from '../../session/client-tracking.ts'
import type { Session } from '../../session/session.ts'
import { int64, word } from '../parsing/args.ts'

/** No prefix at all means every key. */
const EVERY_KEY: readonly Buffer[] = [Buffer.alloc(0)]

type Options = { -readonly [Name in keyof TrackingOptions]: TrackingOptions[Name] }

function parseOptions(session: Session, args: readonly Buffer[]): [options: Options, prefixes: Buffer[]] {
  const options: Options = {
    redirect: undefined,
    isBroadcast: false,
    optIn: false,
    optOut: false,
    noLoop: false,
  }
  const prefixes: Buffer[] = []
  for (let i = 3; i < args.length; i++) {
    const option = word(args[i])
    const value = args[i + 1]
    if (option === 'REDIRECT' && value !== undefined) {
      if (options.redirect !== undefined) throw new KvError('tracking_redirects')
      options.redirect = sibling(session, value)
      i++
    } else if (option === 'PREFIX' && value !== undefined) {
      prefixes.push(value)
      i++
    } else if (option === 'BCAST') options.isBroadcast = true
    else if (option === 'OPTIN') options.optIn = true
    else if (option === 'OPTOUT') options.optOut = true
    else if (option === 'NOLOOP') options.noLoop = true
    else throw new KvError('syntax')
  }
  return [options, prefixes]
}

/** Another connection of the automation, or this one, to this process: others are not reached from here. */
function sibling(session: Session, value: Buffer): Session {
  const id = int64(value)
  const found = session.siblings.find((each) => BigInt(each.id) === id)
  if (found === undefined) throw new KvError('tracking_redirect')
  return found
}

/** Why tracking cannot go on like this, in the order in which Redis looks. */
function refusalOf(
  { isBroadcast, optIn, optOut }: TrackingOptions,
  prefixes: readonly Buffer[],
  now: ClientTracking | undefined,
): ErrorText | undefined {
  if (!isBroadcast && prefixes.length > 0) return ['tracking_prefix']
  if (now !== undefined && now.options.isBroadcast !== isBroadcast) return ['tracking_broadcast_mode']
  if (isBroadcast && (optIn || optOut)) return ['tracking_broadcast_options']
  if (optIn && optOut) return ['tracking_both_options']
  if ((optIn && now?.options.optOut === true) || (optOut && now?.options.optIn === true))
    return ['tracking_options_mode']
  return isBroadcast ? overlapOf(prefixes, [...(now?.prefixes.values() ?? [])]) : undefined
}

function overlapOf(prefixes: readonly Buffer[], own: readonly Buffer[]): ErrorText | undefined {
  for (const [i, prefix] of prefixes.entries()) {
    const other = own.find((each) => overlap(prefix, each))
    if (other !== undefined) return ['tracking_overlaps', { word: prefix, other }]
    const given = prefixes.slice(i + 1).find((each) => overlap(prefix, each))
    if (given !== undefined) return ['tracking_overlap_given', { word: prefix, other: given }]
  }
  return undefined
}

/** One begins with the other. */
function overlap(a: Buffer, b: Buffer): boolean {
  const length = Math.min(a.length, b.length)
  return a.subarray(0, length).equals(b.subarray(0, length))
}

function tracking(session: Session, args: readonly Buffer[]): Reply | Promise<Reply> {
  const [options, prefixes] = parseOptions(session, args)
  const mode = word(args[2])
  if (mode === 'OFF') {
    session.stopTracking()
    return OK
  }
  if (mode !== 'ON') throw new KvError('syntax')
  const refusal = refusalOf(options, prefixes, session.tracking)
  if (refusal !== undefined) throw new KvError(...refusal)
  const added = options.isBroadcast && prefixes.length === 0 ? EVERY_KEY : prefixes
  return begin(session, options, added)
}

async function begin(
  session: Session,
  options: TrackingOptions,
  prefixes: readonly Buffer[],
): Promise<Reply> {
  const now = session.tracking ?? new ClientTracking(session, session.automation!, options)
  await now.begin(options, prefixes)
  if (session.isOpen) session.tracking = now
  return OK
}

function caching(session: Session, args: readonly Buffer[]): Reply {
  const now = session.tracking
  if (now === undefined) throw new KvError('caching_without_tracking')
  const mode = word(args[2])
  if (mode !== 'YES' && mode !== 'NO') throw new KvError('syntax')
  if (mode === 'YES' && !now.options.optIn) throw new KvError('caching_yes')
  if (mode === 'NO' && !now.options.optOut) throw new KvError('caching_no')
  now.caching = true
  return OK
}

/** As CLIENT GETREDIR and CLIENT LIST show it: 0 without a redirection, -1 without tracking. */
export const redirection = ({ tracking }: Session): number =>
  tracking === undefined ? -1 : (tracking.options.redirect?.id ?? 0)

function trackingInfo(session: Session): Reply {
  const now = session.tracking
  const flags: string[] = [now === undefined ? 'off' : 'on']
  if (now !== undefined) {
    const { isBroadcast, optIn, optOut, noLoop } = now.options
    if (isBroadcast) flags.push('bcast')
    if (optIn) flags.push('optin', ...(now.caching ? ['caching-yes'] : []))
    if (optOut) flags.push('optout', ...(now.caching ? ['caching-no'] : []))
    if (noLoop) flags.push('noloop')
    if (now.isBroken) flags.push('broken_redirect')
  }
  const prefixes = [...(now?.prefixes.values() ?? [])].sort(Buffer.compare)
  return new MapReply(['flags', new SetReply(flags), 'redirect', redirection(session), 'prefixes', prefixes])
}

const group = 'connection'
const flags = 'noscript loading stale'

export const CLIENT_TRACKING: readonly LeafRow[] = [
  connection({
    name: 'client|tracking',
    arity: -3,
    flags,
    group,
    // It tells of names, as KEYS does.
    right: 'kv:read',
    since: '6.0.0',
    exclusive: true,
    syntax:
      '<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]',
    summary: 'Has the connection, or another of this server, told of changes to the keys that it reads.',
    complexity: 'O(1); with BCAST O(N) in the number of keys',
    handle: tracking,
  }),
  connection({
    name: 'client|caching',
    arity: 3,
    flags,
    group,
    since: '6.0.0',
    syntax: '<YES | NO>',
    summary: 'Tells whether the keys of the next command are tracked, in the modes OPTIN and OPTOUT.',
    handle: caching,
  }),
  connection({
    name: 'client|getredir',
    arity: 2,
    flags,
    group,
    since: '6.0.0',
    syntax: '',
    summary: 'Returns the number of the connection that is told of changes in place of this one.',
    handle: redirection,
  }),
  connection({
    name: 'client|trackinginfo',
    arity: 2,
    flags,
    group,
    since: '6.2.0',
    syntax: '',
    summary: 'Describes how the connection tracks keys.',
    handle: trackingInfo,
  }),
]
