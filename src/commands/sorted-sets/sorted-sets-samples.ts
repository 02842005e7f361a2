import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import type { Parts } from '../../lib/parts.ts'
import { formatDouble } from '../../redis-semantics/floats.ts'
import type { Call } from '../../registry/context.ts'
import { data, FIRST_KEY, readsInParts } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { int64, word } from '../parsing/args.ts'
import { openMember, openMembersInParts, scanAll, scanOf } from '../parsing/members.ts'
import { randomCount, randomItem, randomItems } from '../parsing/random.ts'
import { parseScanOptions } from '../parsing/scan-options.ts'
import { membersOf, ranked, SealedRange } from './sorted-set-order.ts'

/** Redis halves the range of counts that come with scores. */
const MOST_WITH_SCORES = (2n ** 63n - 1n) / 2n

/** Undefined: one member alone. */
function sampleOptions(args: readonly Buffer[]): { count: number; withScores: boolean } | undefined {
  if (args[2] === undefined) return undefined
  const count = randomCount(args[2])
  const withScores = args.length > 3
  if (withScores && (args.length > 4 || word(args[3]) !== 'WITHSCORES')) throw new KvError('syntax')
  if (withScores && int64(args[2]) > MOST_WITH_SCORES) throw new KvError('out_of_range')
  return { count, withScores }
}

function zrandmember(db: Database, args: readonly Buffer[]): Reply {
  const options = sampleOptions(args)
  const members = membersOf(db, args[1]!)
  if (options === undefined) return randomItem(members)?.member ?? null
  return ranked(randomItems(members, options.count), options.withScores)
}

function* openSampleInParts(call: Call, raw: BackingReply): Parts<Reply> {
  const options = sampleOptions(call.args)
  if (options === undefined) return openMember(call, raw)
  return options.withScores
    ? ranked(yield* new SealedRange(call, raw).openInParts(), true)
    : yield* openMembersInParts(call, raw)
}

/** Scores are text here, also in RESP3. */
const scanned = (cursor: Buffer | string, members: readonly ScoredMember[]): Reply => [
  cursor,
  members.flatMap(({ member, score }) => [member, formatDouble(score)]),
]

/**
 * Within a transaction the whole sorted set is at hand: it is answered at once, as Redis does with a small
 * one.
 */
function zscan(db: Database, args: readonly Buffer[]): Reply {
  const options = scanAll(args, () => db.sortedSet(args[1]!))
  return scanned(
    '0',
    options === undefined ? [] : membersOf(db, args[1]!).filter(({ member }) => options.matches(member)),
  )
}

function* openScanInParts(call: Call, raw: BackingReply): Parts<Reply> {
  const [cursor, flat] = raw as [Buffer, Buffer[]]
  const { matches } = parseScanOptions(call.args, 3)
  const members = yield* new SealedRange(call, flat).openInParts()
  return scanned(
    cursor,
    members.filter(({ member }) => matches(member)),
  )
}

/**
 * Redis returns a sorted set of up to 128 members at once; asked for fewer, the backing Redis, which keeps
 * long ciphertexts, would not.
 */
const LEAST_SCANNED = 256

const group = 'sorted-set'

export const SORTED_SET_SAMPLES = [
  data({
    name: 'zrandmember',
    arity: -2,
    flags: 'readonly',
    group,
    since: '6.2.0',
    keys: FIRST_KEY,
    syntax: 'key [count [WITHSCORES]]',
    summary: 'Returns members of a sorted set at random.',
    complexity: 'O(N) in the number of members returned',
    run: zrandmember,
    direct: readsInParts(({ automation, args }) => {
      sampleOptions(args)
      return ['ZRANDMEMBER', automation.key(args[1]!), ...args.slice(2)]
    }, openSampleInParts),
  }),
  data({
    name: 'zscan',
    arity: -3,
    flags: 'readonly',
    group,
    since: '2.8.0',
    keys: FIRST_KEY,
    syntax: 'key cursor [MATCH pattern] [COUNT count]',
    summary: 'Goes through the members of a sorted set with their scores, some at each call.',
    complexity: 'O(1) a call, O(N) for all members',
    run: zscan,
    direct: readsInParts(scanOf('ZSCAN', LEAST_SCANNED), openScanInParts),
  }),
]
