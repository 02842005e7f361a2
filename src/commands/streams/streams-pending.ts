import type { Database } from '../../engine/plaintext/database.ts'
import {
  type Consumer,
  type StreamGroup,
  sortedConsumers,
  sortedPending,
} from '../../engine/plaintext/stream-value.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { idText, parseEnd, parseStart } from '../../redis-semantics/stream-id.ts'
import { data, FIRST_KEY, reads } from '../../registry/row.ts'
import { NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import { integer, word } from '../parsing/args.ts'
import { STREAM_CLAIMS } from './streams-claims.ts'
import { streamAndGroup } from './streams-group-access.ts'
import { plainReply } from './streams-replies.ts'

type Args = readonly Buffer[]

const group = 'stream'

const nameOf = (group: StreamGroup, consumer: string): Buffer =>
  (group.consumers.get(consumer) as Consumer).name

// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]

function pending(db: Database, args: Args): Reply {
  if (args.length !== 3 && (args.length < 6 || args.length > 9)) throw new KvError('syntax')
  return args.length === 3
    ? pendingSummary(streamAndGroup(db, args[1]!, args[2]!).group)
    : pendingEntries(db, args)
}

function pendingSummary(group: StreamGroup): Reply {
  const all = sortedPending(group)
  if (all.length === 0) return [0, null, null, NULL_ARRAY]
  const counts = new Map<string, number>()
  for (const [, { consumer }] of all) counts.set(consumer, (counts.get(consumer) ?? 0) + 1)
  const consumers = sortedConsumers(group).flatMap(({ name }): Reply[] => {
    const count = counts.get(idOf(name))
    return count === undefined ? [] : [[name, String(count)]]
  })
  return [all.length, idText(all[0]![0]), idText(all.at(-1)![0]), consumers]
}

function pendingEntries(db: Database, args: Args): Reply {
  let at = 3
  let minIdle = 0
  if (word(args[3]) === 'IDLE') {
    minIdle = integer(args[4]!)
    if (args.length < 8) throw new KvError('syntax')
    at = 5
  }
  const count = Math.max(0, integer(args[at + 2]!))
  const start = parseStart(args[at]!)
  const end = parseEnd(args[at + 1]!)
  const consumer = args[at + 3]
  const { group } = streamAndGroup(db, args[1]!, args[2]!)
  return sortedPending(group, consumer === undefined ? undefined : idOf(consumer))
    .filter(([id, { time }]) => id >= start && id <= end && (minIdle === 0 || db.now - time >= minIdle))
    .slice(0, count)
    .map(([id, { consumer: owner, time, count: deliveries }]) => [
      idText(id),
      nameOf(group, owner),
      Math.max(0, db.now - time),
      deliveries,
    ])
}

export const STREAM_PENDING = [
  ...STREAM_CLAIMS,
  data({
    name: 'xpending',
    arity: -3,
    flags: 'readonly',
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key group [[IDLE min-idle-time] start end count [consumer]]',
    summary: 'Returns what was delivered to a consumer group and not yet acknowledged.',
    complexity: 'O(N) in the number of entries returned',
    run: pending,
    direct: reads(
      ({ automation, args }) => ['XPENDING', automation.key(args[1]!), ...args.slice(2)],
      (call, raw) => {
        const reply = plainReply(raw) as Reply[]
        return call.args.length === 3 && reply[3] === null ? [...reply.slice(0, 3), NULL_ARRAY] : reply
      },
    ),
  }),
]
