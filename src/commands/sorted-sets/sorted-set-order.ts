import type { BackingReply } from '../../backing/backing.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import type { ScoredMember } from '../../engine/plaintext/values.ts'
import { idOf } from '../../lib/id.ts'
import { forEachInParts, type Parts, sortInParts } from '../../lib/parts.ts'
import { formatDouble, readDouble } from '../../redis-semantics/floats.ts'
import type { Call } from '../../registry/context.ts'
import { Double, PairsReply, type Reply } from '../../reply/reply.ts'

// Redis orders by score, and equal scores by the members' bytes. The backing Redis, which only sees
// ciphertext, orders those by ciphertext.

const compare = (a: ScoredMember, b: ScoredMember): number =>
  a.score < b.score ? -1 : a.score > b.score ? 1 : Buffer.compare(a.member, b.member)

export const inOrder = (members: Iterable<ScoredMember>): ScoredMember[] => Array.from(members).sort(compare)

export const membersOf = (db: Database, name: Buffer): ScoredMember[] => [
  ...(db.sortedSet(name)?.members.values() ?? []),
]

/** First and last index, both inclusive. */
export interface Window {
  readonly start: number
  readonly stop: number
}

/** A native reply WITHSCORES: members still sealed, scores at hand. */
export class SealedRange {
  readonly length: number
  private readonly call: Call
  private readonly flat: readonly Buffer[]

  constructor(call: Call, raw: BackingReply) {
    this.call = call
    this.flat = raw as Buffer[]
    this.length = this.flat.length / 2
  }

  score(i: number): number {
    return readDouble(this.flat[2 * i + 1]!)
  }

  indexOf(member: Buffer): number {
    const sealed = this.call.automation.sealer.sealMember(member)
    for (let i = 0; i < this.length; i++) if (this.flat[2 * i]!.equals(sealed)) return i
    return -1
  }

  /** The members with the scores that the window's first and last have, and all between. */
  withTies({ start, stop }: Window): Window {
    const [lowest, highest] = [this.score(start), this.score(stop)]
    let [from, to] = [start, stop]
    while (from > 0 && this.score(from - 1) === lowest) from--
    while (to + 1 < this.length && this.score(to + 1) === highest) to++
    return { start: from, stop: to }
  }

  /** As they came. */
  *openInParts(start = 0, stop = this.length - 1): Parts<ScoredMember[]> {
    const { sealer } = this.call.automation
    const opened: ScoredMember[] = []
    yield* forEachInParts(stop - start + 1, (i) => {
      const at = start + i
      opened.push({ member: sealer.openMember(this.flat[2 * at]!), score: this.score(at) })
    })
    return opened
  }

  /**
   * What Redis would have in this window of its order. Only these members are opened, and those that share a
   * score with the outer ones.
   */
  *inOrder(window: Window | undefined): Parts<ScoredMember[]> {
    if (window === undefined) return []
    const { start, stop } = this.withTies(window)
    const ordered = yield* sortInParts(yield* this.openInParts(start, stop), compare)
    return ordered.slice(window.start - start, window.stop - start + 1)
  }

  allInOrder(): Parts<ScoredMember[]> {
    return this.inOrder(this.length === 0 ? undefined : { start: 0, stop: this.length - 1 })
  }
}

export const double = (score: number): Double => new Double(formatDouble(score))

export const doubleOrNull = (score: number | undefined): Reply => (score === undefined ? null : double(score))

export const readDoubleOrNull = (raw: BackingReply): Reply =>
  raw === null ? null : double(readDouble(raw as Buffer))

export const scored = (members: readonly ScoredMember[]): Reply[] =>
  members.flatMap(({ member, score }): Reply[] => [member, double(score)])

export const ranked = (members: readonly ScoredMember[], withScores: boolean): Reply =>
  withScores ? new PairsReply(scored(members)) : members.map(({ member }) => member)

/**
 * Redis keeps the scores of a small sorted set as integers where it can, so that negative zero becomes zero.
 */
export const keptScore = (score: number): number => (score === 0 ? 0 : score)

/**
 * Puts a result in place of whatever the key held; an empty one deletes it. Returns how many members there
 * are.
 */
export function store(db: Database, name: Buffer, members: readonly ScoredMember[]): number {
  if (members.length === 0) {
    db.remove(name)
    return 0
  }
  const kept = members.map(({ member, score }): [string, ScoredMember] => [
    idOf(member),
    { member, score: keptScore(score) },
  ])
  db.put(name, { type: 'zset', members: new Map(kept), partial: undefined }, 0)
  return members.length
}

/** Takes members that are there. A sorted set that is empty then is gone. Returns how many were taken. */
export function removeMembers(db: Database, name: Buffer, removed: readonly ScoredMember[]): number {
  if (removed.length === 0) return 0
  const set = db.editSortedSet(name)
  for (const { member } of removed) set.members.delete(idOf(member))
  if (set.partial !== undefined) set.partial -= removed.length
  db.removeIfEmpty(name)
  return removed.length
}
