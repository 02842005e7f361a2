import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { type Extent, membersExtent } from '../../engine/plaintext/extent.ts'
import type { SortedSetValue } from '../../engine/plaintext/values.ts'
import { creates, leaves, type NativeWrite, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { formatDouble, parseFloat64 } from '../../redis-semantics/floats.ts'
import type { Call } from '../../registry/context.ts'
import { first } from '../../registry/direct.ts'
import { isIncrement, tells } from '../../registry/notifies.ts'
import { data, FIRST_KEY, writes } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { word } from '../parsing/args.ts'
import { double, keptScore, readDoubleOrNull } from './sorted-set-order.ts'

const OPTIONS = ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'] as const
type Option = (typeof OPTIONS)[number]

interface Addition {
  readonly options: ReadonlySet<Option>
  readonly pairs: ReadonlyArray<{ readonly score: number; readonly member: Buffer }>
}

function parseScore(arg: Buffer): number {
  const score = parseFloat64(arg)
  if (score === undefined) throw new KvError('not_float')
  return score
}

/** `[NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]` from argument 2. */
function parseAddition(args: readonly Buffer[]): Addition {
  const options = new Set<Option>()
  let at = 2
  for (; at < args.length; at++) {
    const option = word(args[at]) as Option
    if (!OPTIONS.includes(option)) break
    options.add(option)
  }
  const left = args.length - at
  if (left === 0 || left % 2 !== 0) throw new KvError('syntax')
  const [nx, gt, lt] = [options.has('NX'), options.has('GT'), options.has('LT')]
  if (nx && options.has('XX')) throw new KvError('zadd_nx_xx')
  if ((gt && nx) || (lt && nx) || (gt && lt)) throw new KvError('zadd_gt_lt_nx')
  if (options.has('INCR') && left > 2) throw new KvError('zadd_incr_pairs')
  const pairs = Array.from({ length: left / 2 }, (_, i) => ({
    score: parseScore(args[at + 2 * i]!),
    member: args[at + 2 * i + 1]!,
  }))
  return { options, pairs }
}

/** The members that are named, whatever is wrong with the rest. */
function addedMembers(args: readonly Buffer[]): Extent {
  let at = 2
  while (at < args.length && OPTIONS.includes(word(args[at]) as Option)) at++
  return membersExtent(args.slice(at).filter((_, i) => i % 2 === 1))
}

const parseIncrement = (args: readonly Buffer[]): Addition => ({
  options: new Set<Option>(['INCR']),
  pairs: [{ score: parseScore(args[2]!), member: args[3]! }],
})

/** Undefined: left as it is. Throws when an increment has no result. */
function scoreAfter(
  current: number | undefined,
  score: number,
  options: ReadonlySet<Option>,
): number | undefined {
  if (current === undefined) return options.has('XX') ? undefined : score
  if (options.has('NX')) return undefined
  const next = options.has('INCR') ? current + score : score
  if (Number.isNaN(next)) throw new KvError('score_nan')
  if ((options.has('LT') && next >= current) || (options.has('GT') && next <= current)) return undefined
  return next
}

function add(db: Database, name: Buffer, { options, pairs }: Addition): Reply {
  const set = db.sortedSet(name)
  let edited: SortedSetValue | undefined
  let [added, updated] = [0, 0]
  let last: number | undefined
  for (const { score, member } of pairs) {
    const id = idOf(member)
    const current = (edited ?? set)?.members.get(id)?.score
    last = scoreAfter(current, score, options)
    if (last === undefined || last === current) continue
    edited ??= db.editSortedSet(name)
    edited.members.set(id, { member, score: keptScore(last) })
    if (current === undefined) added++
    else updated++
    if (current === undefined && edited.partial !== undefined) edited.partial++
  }
  if (options.has('INCR')) return last === undefined ? null : double(last)
  return options.has('CH') ? added + updated : added
}

/**
 * ZADD alone does not tell whether it changed a score; with CH it does, and the members counted before and
 * after tell which of the changes were additions. Undefined for an increment that may well change nothing (0,
 * infinity) or give negative zero.
 */
function addNative({ args, automation }: Call, { options, pairs }: Addition): NativeWrite[] | undefined {
  const name = args[1]!
  const { withItsTtl } = options.has('XX') ? leaves : creates
  const sealed = pairs.flatMap(({ score, member }): BackingArg[] => [
    formatDouble(keptScore(score)),
    automation.sealer.sealMember(member),
  ])
  const conditions = [...options].filter((option) => option !== 'CH')
  if (options.has('INCR')) {
    const { score } = pairs[0]!
    return score === 0 || !Number.isFinite(score)
      ? undefined
      : [nativeWrite('ZADD', name, withItsTtl, 'not-null', [...conditions, ...sealed])]
  }
  const zadd = nativeWrite('ZADD', name, withItsTtl, 'positive', [...conditions, 'CH', ...sealed])
  if (options.has('CH') || options.has('NX') || options.has('XX')) return [zadd]
  const zcard = nativeWrite('ZCARD', name, leaves.withItsTtl, 'no-reply')
  return [zcard, zadd, zcard]
}

function addReply(raws: readonly BackingReply[], { options }: Addition): Reply {
  if (options.has('INCR')) return readDoubleOrNull(first(raws))
  if (options.has('CH') || options.has('NX')) return first(raws) as number
  if (options.has('XX')) return 0
  const [before, , after] = raws as number[]
  return after! - before!
}

const adds = (parse: (args: readonly Buffer[]) => Addition) => ({
  run: (db: Database, args: readonly Buffer[]): Reply => add(db, args[1]!, parse(args)),
  direct: writes(
    (call) => addNative(call, parse(call.args)),
    ({ args }, raws) => addReply(raws, parse(args)),
  ),
})

const group = 'sorted-set'

export const SORTED_SET_ADDITIONS = [
  data({
    name: 'zadd',
    arity: -4,
    flags: 'write denyoom fast',
    notifies: tells((args) => (isIncrement(args) ? 'zincr' : 'zadd')),
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    extent: addedMembers,
    syntax: 'key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]',
    summary:
      'Adds members to a sorted set, or changes their scores; makes the sorted set when there is none.',
    complexity: 'O(log(N)) for each member, N being how many there are',
    ...adds(parseAddition),
  }),
  data({
    name: 'zincrby',
    arity: 4,
    flags: 'write denyoom fast',
    notifies: tells('zincr'),
    group,
    since: '1.2.0',
    keys: FIRST_KEY,
    extent: (args) => membersExtent(args.slice(3)),
    syntax: 'key increment member',
    summary: "Adds to a member's score; starts at 0.",
    complexity: 'O(log(N)) in the number of members',
    ...adds(parseIncrement),
  }),
]
