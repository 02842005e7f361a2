import type { BackingReply } from '../../backing/single-node.ts'
import { isReplyError, kindOf, leavingOut, refusalOf } from '../../backing/wire.ts'
import type { DataRow, Direct } from '../registry/row.ts'
import { keyIndexes } from '../registry/row.ts'
import { ERRORS, KvError, respText } from '../../errors/errors.ts'
import { ErrorReply, type Reply } from '../../reply/reply.ts'
import type { Call } from '../registry/call.ts'
import { reportFault } from '../../observability/faults.ts'
import type { Job } from '../../engine/optimistic/job.ts'
import { checkKey } from '../../gate/key-names.ts'

/** `error` is what an ErrorReply was made from. */
export type Done = (reply: Reply, error?: Error) => void

/**
 * The way of every data command, for each once: allow, then either directly (plan and seal, send, restore and open) or computed.
 * `done` is called exactly once, with an ErrorReply for whatever went wrong.
 */
export function execute(call: Call, done: Done): void {
  try {
    allow(call)
    const { row } = call
    if (row.kind === 'keyspace') {
      call.pendingWrites?.flush()
      row.execute(call).then(done, (error: Error) => done(errorReply(error), error))
      return
    }
    if (row.direct !== undefined && runDirect(call, row, row.direct, done)) return
    compute(call, row, done)
  } catch (error) {
    done(errorReply(error as Error), error as Error)
  }
}

/** Scope of the token and names of the keys; arity was checked when the row was looked up. */
export function allow({ row, args, identity, store }: Call): void {
  if (identity.readOnly && row.flags.includes('write')) throw new KvError('read_only_token')
  const { keys } = row
  if (keys.first === 1 && keys.last === 1 && keys.find === undefined) {
    checkKey(args[1]!, store.limits.maxKeyLength)
    return
  }
  for (const index of keyIndexes(row, args)) checkKey(args[index]!, store.limits.maxKeyLength)
}

/** False when the command cannot be answered directly. */
function runDirect(call: Call, row: DataRow, direct: Direct, done: Done): boolean {
  const { store, automation } = call
  if ('read' in direct) {
    const command = direct.read(call)
    if (command === undefined) return false
    store.read(command, (error, raw) => {
      if (error === null) done(restored(() => direct.reply(call, raw)))
      else directFailed(call, row, error, done)
    }, call.pendingWrites)
    return true
  }
  const operations = direct.write(call)
  if (operations === undefined || !store.fits(operations)) return false
  store.write(automation, operations, (error, raws) => {
    const failed = error ?? (raws.find((raw) => raw instanceof Error) as Error | undefined)
    if (failed === undefined) done(restored(() => direct.reply(call, raws)))
    else directFailed(call, row, failed, done)
  }, undefined, call.pendingWrites)
  return true
}

/** Groups whose commands are computed when Redis finds another type: a document that is an array, a sketch that a client wrote with SET. */
export const OTHER_FORMS: readonly DataRow['group'][] = ['list', 'hyperloglog']

/** What finds another form of its type in Redis is computed; a list command turns the document into a list by that. */
function directFailed(call: Call, row: DataRow, error: Error, done: Done): void {
  if (OTHER_FORMS.includes(row.group) && kindOf(error) === 'WRONGTYPE') {
    compute(call, row, done)
    return
  }
  const seen = asSeen(call, error)
  done(errorReply(seen), seen)
}

/** Redis's error for a missing consumer group holds the key's name in the backing Redis: the caller sees its own name for it. */
const asSeen = ({ automation }: Call, error: Error): Error =>
  kindOf(error) === 'NOGROUP' ? leavingOut(error, automation.prefix.toString('latin1')) : error

function compute(call: Call, row: DataRow, done: Done): void {
  const { store, automation, args, computing, computed } = call
  computing?.()
  const job: Job<Reply> = {
    needs: keyIndexes(row, args).map((index) => ({ name: args[index]!, extent: row.extent(args, index) })),
    run: (db) => row.run(db, args, call),
    done: (error, reply) => {
      computed?.()
      if (error === null) done(reply!)
      else done(errorReply(error), error)
    },
  }
  store.compute(automation, job, call.pendingWrites)
}

/** The answer of a command that was sent directly, as a part of something that cannot be computed afterwards. */
export function directReply(call: Call, raws: readonly BackingReply[]): Reply {
  const { direct } = call.row as DataRow
  const failed = raws.find((raw) => raw instanceof Error) as Error | undefined
  if (failed !== undefined) return errorReply(asSeen(call, failed))
  return restored(() => ('read' in direct! ? direct.reply(call, first(raws)) : direct!.reply(call, raws)))
}

const restored = (open: () => Reply): Reply => {
  try {
    return open()
  } catch (error) {
    return errorReply(error as Error)
  }
}

/** What a RESP client reads. Errors of Redis itself keep their text; anything unforeseen is `ERR internal error`. */
export function errorReply(error: Error): ErrorReply {
  if (error instanceof KvError) {
    if (ERRORS[error.code].level !== 'debug') reportFault(error)
    return new ErrorReply(error.respText)
  }
  // An error that a script passes on has not gone through the backing's own check.
  if (isReplyError(error)) return new ErrorReply(refusalOf(error)?.respText ?? error.message)
  reportFault(error)
  return new ErrorReply(respText('internal'))
}

/** For rows whose direct write is a single operation. */
export const first = (raws: readonly BackingReply[]): BackingReply => raws[0] ?? null
