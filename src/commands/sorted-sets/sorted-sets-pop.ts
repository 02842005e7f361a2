import type { Database } from '../../engine/plaintext/database.ts'
import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { popBehindKeys, tells } from '../../registry/notifies.ts'
import { countedKeys, data, FIRST_KEY } from '../../registry/row.ts'
import { NULL_ARRAY, PairsReply, type Reply } from '../../reply/reply.ts'
import { integerFrom, word } from '../parsing/args.ts'
import { type PopMany, parsePopMany } from '../parsing/pop-many.ts'
import { double, inOrder, membersOf, removeMembers, scored } from './sorted-set-order.ts'

export type ScoreEnd = 'MIN' | 'MAX'

/** Takes up to `count` members, the outermost first. */
function takeScored(db: Database, name: Buffer, end: ScoreEnd, count: number): ScoredMember[] {
  const ordered = inOrder(membersOf(db, name))
  if (end === 'MAX') ordered.reverse()
  const taken = ordered.slice(0, count)
  removeMembers(db, name, taken)
  return taken
}

const pop =
  (end: ScoreEnd) =>
  (db: Database, args: readonly Buffer[]): Reply => {
    if (args.length > 3) throw new KvError('syntax')
    const count = args[2] === undefined ? undefined : integerFrom(args[2], 0, 'not_positive')
    const taken = scored(takeScored(db, args[1]!, end, count ?? 1))
    // Only with a count does RESP3 have pairs.
    return count === undefined ? taken : new PairsReply(taken)
  }

/** Throws `syntax` for anything but MIN and MAX. */
export function scoreEndOf(arg: Buffer | undefined): ScoreEnd {
  const end = word(arg)
  if (end !== 'MIN' && end !== 'MAX') throw new KvError('syntax')
  return end
}

/** Pops from the first of the sorted sets that exists; undefined when none does. */
export function popManyScored(
  db: Database,
  { keys, end, count }: PopMany<ScoreEnd>,
): [name: Buffer, taken: ScoredMember[]] | undefined {
  const name = keys.find((key) => db.sortedSet(key) !== undefined)
  return name === undefined ? undefined : [name, takeScored(db, name, end, count)]
}

/** As ZMPOP and BZMPOP answer: pairs also in RESP2. */
export const popManyReply = (popped: [name: Buffer, taken: ScoredMember[]] | undefined): Reply =>
  popped === undefined
    ? NULL_ARRAY
    : [popped[0], popped[1].map(({ member, score }) => [member, double(score)])]

const group = 'sorted-set'

export const SORTED_SET_POPS = [
  data({
    name: 'zmpop',
    arity: -4,
    flags: 'write movablekeys',
    notifies: tells((args) => popBehindKeys(args, 1)),
    group,
    since: '7.0.0',
    keys: countedKeys(1),
    syntax: 'numkeys key [key ...] <MIN | MAX> [COUNT count]',
    summary: 'Removes the lowest or highest members of the first sorted set that has any, and returns them.',
    complexity: 'O(K) + O(M*log(N)) in the numbers of keys, of members returned and of members',
    run: (db, args) => popManyReply(popManyScored(db, parsePopMany(args, 1, scoreEndOf))),
  }),
  data({
    name: 'zpopmax',
    arity: -2,
    flags: 'write fast',
    notifies: tells('zpopmax'),
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key [count]',
    summary: 'Removes the members with the highest scores, and returns them.',
    complexity: 'O(log(N)*M) in the numbers of members and of those returned',
    run: pop('MAX'),
  }),
  data({
    name: 'zpopmin',
    arity: -2,
    flags: 'write fast',
    notifies: tells('zpopmin'),
    group,
    since: '5.0.0',
    keys: FIRST_KEY,
    syntax: 'key [count]',
    summary: 'Removes the members with the lowest scores, and returns them.',
    complexity: 'O(log(N)*M) in the numbers of members and of those returned',
    run: pop('MIN'),
  }),
]
