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
class Replicas {
  /** How many times a link to it broke: another Redis may answer since, which has not what was written. */
  losses = 0
  private readonly backing: Backing
  private asked: Asked | undefined

  constructor(backing: Backing) {
    this.backing = backing
    backing.onLoss(() => {
      this.losses++
      this.asked = undefined
    })
  }

  async now(automation: Automation): Promise<Replication> {
    return parseReplication(String(await this.backing.call(automation, ['INFO', 'replication'])))
  }

  /** As they were a moment ago. */
  lately(automation: Automation): Promise<Replication> {
    if (this.asked !== undefined && Date.now() - this.asked.at < KEPT_MS) return this.asked.answer
    const asked: Asked = { answer: this.now(automation), at: Number.POSITIVE_INFINITY }
    this.asked = asked
    asked.answer.then(
      () => (asked.at = Date.now()),
      () => {
        if (this.asked === asked) this.asked = undefined
      },
    )
    return asked.answer
  }
}

const known = new WeakMap<Backing, Replicas>()

function replicasOf(backing: Backing): Replicas {
  const replicas = known.get(backing) ?? new Replicas(backing)
  known.set(backing, replicas)
  return replicas
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
  const replicas = replicasOf(services.store.backing)
  const { losses } = replicas
  let { offset: target, acknowledged } = await replicas.now(automation)
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const reached = acknowledged.filter((bytes) => bytes >= target).length
    const left = deadline - Date.now()
    if (replicas.losses > losses) throw new KvError('outcome_unknown')
    if (reached >= wanted || left <= 0 || isGone?.() === true) return reached
    await delay(Math.min(pause, left), undefined, { ref: false })
    ;({ acknowledged } = await replicas.lately(automation))
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
  waits: true,
})
