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

/** An answer is used again for so long: the Redis is asked as often, however many wait. */
const KEPT_MS = 50

interface Asked {
  readonly answer: Promise<Replication>
  /** Infinity while it is on its way. */
  at: number
}

/** What is known of the replicas of one backing Redis. */
interface Watched {
  asked: Asked | undefined
  /** How many times a link to it broke: another Redis may answer since, which has not what was written. */
  losses: number
}

const watched = new WeakMap<Backing, Watched>()

function watch(backing: Backing): Watched {
  let found = watched.get(backing)
  if (found === undefined) {
    const created: Watched = { asked: undefined, losses: 0 }
    backing.onLoss(() => {
      created.losses++
      created.asked = undefined
    })
    watched.set(backing, created)
    found = created
  }
  return found
}

const replication = async (backing: Backing, automation: Automation): Promise<Replication> =>
  parseReplication(String(await backing.call(automation, ['INFO', 'replication'])))

function sharedReplication(backing: Backing, automation: Automation): Promise<Replication> {
  const { asked } = watch(backing)
  if (asked !== undefined && Date.now() - asked.at < KEPT_MS) return asked.answer
  const fresh: Asked = { answer: replication(backing, automation), at: Number.POSITIVE_INFINITY }
  watch(backing).asked = fresh
  fresh.answer.then(
    () => (fresh.at = Date.now()),
    () => {
      if (watch(backing).asked === fresh) watch(backing).asked = undefined
    },
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
 * enough replicas have what was written before the call. As a lost connection would do there, a lost link
 * ends it: offsets of another Redis tell nothing of what was written to this one. A timeout of 0 has no end
 * in Redis; here it lasts as long as the caller's token.
 */
async function wait({ services, identity, automation, args, isGone }: Call): Promise<Reply> {
  const wanted = integer(args[1]!)
  const timeoutMs = timeoutOf(args[2]!)
  const deadline = timeoutMs === 0 ? identity.expiresAt : Math.min(Date.now() + timeoutMs, identity.expiresAt)
  const { backing } = services.store
  const { losses } = watch(backing)
  let { offset, acknowledged } = await replication(backing, automation)
  const target = offset
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const reached = acknowledged.filter((bytes) => bytes >= target).length
    const left = deadline - Date.now()
    if (watch(backing).losses > losses) throw new KvError('outcome_unknown')
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
