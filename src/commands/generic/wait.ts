import { setTimeout as delay } from 'node:timers/promises'
import type { Automation } from '../../automation/automation.ts'
import type { Backing } from '../../backing/backing.ts'
import { KvError } from '../../errors/errors.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import type { Call } from '../../registry/context.ts'
import { keyspace } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { integer } from '../parsing/args.ts'

interface Replication {
  /** Bytes of the replication stream so far. */
  readonly offset: number
  /** How many of them each replica has acknowledged. */
  readonly acknowledged: readonly number[]
}

/** Source: https://redis.io/docs/latest/commands/info/, section replication. */
export function parseReplication(info: string): Replication {
  const offset = Number(/^master_repl_offset:(\d+)/m.exec(info)?.[1] ?? 0)
  const replicas = info.matchAll(/^slave\d+:.*\bstate=online,offset=(\d+)/gm)
  return { offset, acknowledged: Array.from(replicas, ([, bytes]) => Number(bytes)) }
}

/** Replicas report once a second by themselves, and sooner when something is written. */
const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 250

/** An answer is used again for so long: however many wait, and whoever they are, the Redis is asked as often. */
const KEPT_MS = 50

interface Asked {
  readonly answer: Promise<Replication>
  /** Infinity while it is on its way. */
  at: number
}

const asked = new WeakMap<Backing, Asked>()

const replication = async (backing: Backing, automation: Automation): Promise<Replication> =>
  parseReplication(String(await backing.call(automation, ['INFO', 'replication'])))

function sharedReplication(backing: Backing, automation: Automation): Promise<Replication> {
  const known = asked.get(backing)
  if (known !== undefined && Date.now() - known.at < KEPT_MS) return known.answer
  const fresh: Asked = { answer: replication(backing, automation), at: Number.POSITIVE_INFINITY }
  asked.set(backing, fresh)
  fresh.answer.then(
    () => (fresh.at = Date.now()),
    () => asked.delete(backing),
  )
  return fresh.answer
}

function timeoutOf(arg: Buffer): number {
  const value = parseInteger(arg)
  if (value === undefined) throw new KvError('timeout_not_integer')
  if (value < 0n) throw new KvError('timeout_negative')
  return Number(value)
}

/**
 * The native WAIT would hold up the connection that everybody shares; so the offsets are looked at until
 * enough replicas have what was written before the call. A timeout of 0 has no end in Redis; here it lasts as
 * long as the caller's token.
 */
async function wait({ services, identity, automation, args, isGone }: Call): Promise<Reply> {
  const wanted = integer(args[1]!)
  const timeoutMs = timeoutOf(args[2]!)
  const deadline = timeoutMs === 0 ? identity.expiresAt : Math.min(Date.now() + timeoutMs, identity.expiresAt)
  const { backing } = services.store
  let { offset, acknowledged } = await replication(backing, automation)
  const target = offset
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const reached = acknowledged.filter((bytes) => bytes >= target).length
    const left = deadline - Date.now()
    if (reached >= wanted || left <= 0 || isGone?.() === true) return reached
    await delay(Math.min(pause, left), undefined, { ref: false })
    ;({ acknowledged } = await sharedReplication(backing, automation))
  }
}

export const WAIT = keyspace({
  name: 'wait',
  arity: 3,
  flags: 'noscript',
  group: 'generic',
  since: '3.0.0',
  syntax: 'numreplicas timeout',
  summary:
    'Waits until replicas of the backing Redis have what was written before, and returns how many have.',
  run: (_db, args) => {
    integer(args[1]!)
    timeoutOf(args[2]!)
    return 0
  },
  execute: wait,
})
