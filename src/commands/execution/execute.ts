import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { kindOf, leavingOut } from '../../backing/wire.ts'
import { MustCompute } from '../../engine/notifications/event-settings.ts'
import type { Job } from '../../engine/optimistic/job.ts'
import { KvError } from '../../errors/errors.ts'
import { itemsOfArray, type Parts, valuesLeft } from '../../lib/parts.ts'
import type { Call } from '../../registry/context.ts'
import { first } from '../../registry/direct.ts'
import type { DataRow, Direct, DirectRead, KeyspaceRow } from '../../registry/row.ts'
import { runRow } from '../../registry/run-row.ts'
import type { Reply } from '../../reply/reply.ts'
import { errorReply } from './error-reply.ts'
import { needsOf } from './needs.ts'
import { isLargeWrite, remoteCommand } from './remote-jobs.ts'

export type Done = (error: Error | null, reply: Reply) => void

/**
 * The way of every data command that the gate has let in: either directly (plan and seal, send, restore and
 * open) or computed. `done` is called exactly once.
 */
export function execute(row: DataRow | KeyspaceRow, call: Call, done: Done): void {
  try {
    if (row.kind === 'keyspace') {
      call.pendingWrites?.flush()
      row.execute(call).then(
        (reply) => done(null, reply),
        (error: Error) => done(error, null),
      )
      return
    }
    if (row.direct !== undefined && runDirect(row, row.direct, call, done)) return
    compute(row, call, done)
  } catch (error) {
    done(error as Error, null)
  }
}

/** Whether a command has to be computed for the messages about its keys. */
function tellsEvents(row: DataRow, { services, automation }: Call): boolean {
  const events = services.store.events.of(automation)
  if (events === '') return false
  return row.flags.includes('write') || (events.includes('m') && row.misses !== undefined)
}

/** False when the command cannot be answered directly. */
function runDirect(row: DataRow, direct: Direct, call: Call, done: Done): boolean {
  const { services, automation } = call
  const { store } = services
  if (tellsEvents(row, call)) return false
  if ('read' in direct) {
    const { readInParts } = direct
    if (readInParts !== undefined && call.args.length > FEW_WORDS) {
      askInParts(row, direct, readInParts(call), call, done)
      return true
    }
    const command = direct.read(call)
    if (command === undefined) return false
    ask(row, direct, command, call, done)
    return true
  }
  if (store.computesElsewhere && isLargeWrite(row, call.args)) return false
  const operations = direct.write(call)
  if (operations === undefined || !store.fits(operations)) return false
  store.write(
    automation,
    operations,
    (error, raws, written) => {
      if (written.changed) call.wrote?.(written.version)
      const failed = error ?? (raws.find((raw) => raw instanceof Error) as Error | undefined)
      if (failed === undefined) open(direct, call, raws, done)
      else directFailed(row, call, failed, done)
    },
    undefined,
    call.pendingWrites,
  )
  return true
}

/**
 * Groups whose commands are computed when Redis finds another type: a document that is an array, a sketch
 * that a client wrote with SET.
 */
export const OTHER_FORMS: readonly DataRow['group'][] = ['list', 'hyperloglog']

/**
 * What finds another form of its type in Redis is computed; a list command turns the document into a list by
 * that.
 */
function directFailed(row: DataRow, call: Call, error: Error, done: Done): void {
  if (error instanceof MustCompute) {
    if (call.mayStillCompute?.(call.ordinal!) === false) done(new KvError('events_changed'), null)
    else compute(row, call, done, true)
  } else if (OTHER_FORMS.includes(row.group) && kindOf(error) === 'WRONGTYPE') compute(row, call, done)
  else done(asSeen(call, error), null)
}

/**
 * Redis's error for a missing consumer group holds the key's name in the backing Redis: the caller sees its
 * own name for it.
 */
const asSeen = ({ automation }: Call, error: Error): Error =>
  kindOf(error) === 'NOGROUP' ? leavingOut(error, automation.prefix.toString('latin1')) : error

function compute(row: DataRow, call: Call, done: Done, inPlace = false): void {
  const { services, automation, args, computing, computed } = call
  computing?.(inPlace)
  const job: Job<Reply> = {
    needs: needsOf(row, args, call),
    run: (db) => runRow(row, db, args, () => row.run(db, args, call)),
    remote: remoteCommand(row, call),
    isTraced: call.traced !== undefined,
    traced: call.traced,
    info: () => services.info(automation),
    libraries: row.libraries?.(args),
    done: (error, reply, written) => {
      if (written.changed) call.wrote?.(written.version)
      computed?.()
      done(error, reply ?? null)
    },
  }
  services.store.compute(automation, job, call.pendingWrites)
}

/**
 * The answer of a command that was sent directly, as a part of something that cannot be computed afterwards.
 */
export function directReply(row: DataRow, call: Call, raws: readonly BackingReply[]): Reply {
  const { report } = call.services
  const direct = row.direct!
  const failed = raws.find((raw) => raw instanceof Error) as Error | undefined
  if (failed !== undefined) return errorReply(asSeen(call, failed), report)
  try {
    return 'read' in direct ? direct.reply(call, first(raws)) : direct.reply(call, raws)
  } catch (error) {
    return errorReply(error as Error, report)
  }
}

/** Words of a request that are sealed at once, and values of a reply that are opened at once. */
const FEW_WORDS = 256
const FEW_VALUES = 256

function ask(row: DataRow, direct: DirectRead, command: readonly BackingArg[], call: Call, done: Done): void {
  const { store } = call.services
  store.read(
    call.automation,
    command,
    (error, raw) => {
      if (error === null) open(direct, call, raw, done)
      else directFailed(row, call, error, done)
    },
    call.pendingWrites,
  )
}

/** Until it is sent nothing behind it may be. */
function askInParts(
  row: DataRow,
  direct: DirectRead,
  parts: Parts<readonly BackingArg[]>,
  call: Call,
  done: Done,
): void {
  call.computing?.()
  call.pendingWrites?.flush()
  call.services.store.inParts(call.automation, parts, (error, command) => {
    if (error === null) ask(row, direct, command, call, done)
    else done(error, null)
    call.computed?.()
  })
}

/** Opens the answer of the backing Redis, in parts when it has many values. */
function open<R extends BackingReply | readonly BackingReply[]>(
  direct: { reply: (call: Call, raw: R) => Reply; inParts?: (call: Call, raw: R) => Parts<Reply> },
  call: Call,
  raw: R,
  done: Done,
): void {
  const { inParts } = direct
  if (inParts === undefined || !Array.isArray(raw) || valuesLeft(raw, FEW_VALUES, itemsOfArray) > 0) {
    restore(() => direct.reply(call, raw), done)
    return
  }
  call.services.store.inParts(call.automation, inParts(call, raw), (error, reply) =>
    done(error, reply ?? null),
  )
}

/** A fault of `done` itself must not make it be called twice. */
function restore(open: () => Reply, done: Done): void {
  let reply: Reply
  try {
    reply = open()
  } catch (error) {
    done(error as Error, null)
    return
  }
  done(null, reply)
}
