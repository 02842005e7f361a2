import type { BackingReply, ScriptArg } from '../../backing/backing.ts'
import { COMMIT } from '../../backing/scripts.ts'
import { kindOf } from '../../backing/wire.ts'
import { KvError } from '../../errors/errors.ts'
import type { Need } from '../plaintext/extent.ts'
import { headOf } from '../plaintext/snapshot.ts'
import { quotaArgs } from '../writes/quota.ts'
import type { JobEnvironment } from './job.ts'
import { leavesOutcome, type Outcome, outcomeArgs } from './outcome.ts'
import { keyArgs, readArgs } from './reading.ts'

/** What is to be committed of a computation. */
export interface Changes {
  readonly outcomes: readonly Outcome[]
  readonly requests: number
  /** The middle of commit.lua's arguments: see Computation. */
  readonly words: readonly ScriptArg[]
  /** Notes how the commit left the keys; `before` is the automation's version until then. */
  readonly noted: (before: number, now: number) => void
  readonly fromCache: boolean
}

/** What the commit asks for beside the guards; `librariesStamp`: a conflict is to tell it. */
interface Conditions {
  readonly ifVersion: string
  readonly librariesStamp: boolean
}

/** Applies changes, unless a key that they were computed from has changed since: see commit.lua. */
export function commit(
  { automation, backing, limits, report, events }: JobEnvironment,
  needs: readonly Need[],
  { outcomes, requests, words }: Changes,
  { ifVersion, librariesStamp }: Conditions,
  done: (error: Error | null, reply?: BackingReply[]) => void,
): void {
  const kept = outcomes.filter(leavesOutcome)
  // Not by pushing them: a function takes no hundred thousand arguments.
  const args: ScriptArg[] = [
    ...[...keyArgs(automation, needs), ...quotaArgs(limits), ifVersion, requests],
    ...words,
    ...[kept.length, ...kept.flatMap(outcomeArgs)],
    ...readArgs(automation, needs, librariesStamp),
  ]
  backing.script(automation, COMMIT, true, args, (error, reply) => {
    if (error !== null) return done(error)
    const answer = reply as BackingReply[]
    if (answer[0] === 0) events.learn(automation, headOf(answer.slice(1)).events)
    if (answer[0] === 1 && answer[3] instanceof Error) report(unsent(answer[3]))
    done(null, answer)
  })
}

/** The replies stay as they are: the data is written, and Redis promises nobody that a message arrives. */
function unsent(error: Error): KvError {
  const refused = new KvError('backing_refused', { prefix: kindOf(error) ?? 'ERR' })
  refused.cause = 'what a commit published was not sent'
  return refused
}
