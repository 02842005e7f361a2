import { kindOf } from '../../backing/wire.ts'
import type { Need } from '../../engine/plaintext/extent.ts'
import type { BlockedClient, BlockedClients, Settle } from '../../engine/waiting/blocked-clients.ts'
import { KvError } from '../../errors/errors.ts'
import { keyIndexes } from '../../gate/key-spec.ts'
import type { Blocking } from '../../registry/blocking.ts'
import type { Call } from '../../registry/context.ts'
import type { BlockingRow, DataRow } from '../../registry/row.ts'
import { runRow } from '../../registry/run-row.ts'
import { NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import { type Done, execute } from './execute.ts'

/** Each is noted in the backing Redis, and noted again while the client waits. */
const MAX_KEYS = 1_024

/** `timeoutMs` 0: without an end; after it the answer is the null array. `done` is called once. */
export function waitFor(
  clients: BlockedClients<Reply>,
  row: BlockingRow,
  call: Call,
  timeoutMs: number,
  done: Done,
): BlockedClient<Reply> {
  const { keys, competition, attempt, whenKeyIsGone } = row.blocking
  const { length } = keys(call.args)
  if (length > MAX_KEYS)
    throw new KvError('blocked_keys', { used: String(length), allowed: String(MAX_KEYS) })
  // The arguments lie in the chunk that was received, which must not be kept for them.
  const args = call.args.map((arg) => Buffer.from(arg))
  const { identity, automation, services, wrote } = call
  const own: Call = { args, identity, automation, services, wrote }
  return clients.wait({
    automation,
    keys: keys(args),
    competition: competition(args),
    timeoutMs,
    timedOut: NULL_ARRAY,
    triedAtRenewal: whenKeyIsGone !== undefined,
    attempt: (names, isOver, settle) => {
      if (attempt === 'direct') attemptDirect(row, own, names ?? [], isOver, settle)
      else attemptComputed(row, own, attempt, names, isOver, settle)
    },
    done,
  })
}

/** In the job queue of the automation: those of one batch are committed together. */
function attemptComputed(
  row: DataRow,
  { automation, services, args, wrote }: Call,
  attempt: Exclude<Blocking['attempt'], 'direct'>,
  names: readonly Buffer[] | undefined,
  isOver: () => boolean,
  settle: Settle<Reply>,
): void {
  services.store.compute<Reply | undefined>(automation, {
    needs: keyIndexes(row, args).map(
      (index): Need => ({ name: args[index]!, extent: row.extent(args, index) }),
    ),
    run: (db) => (isOver() ? undefined : runRow(row, db, args, () => attempt(db, args, names))),
    done: (error, reply, written) => {
      if (written.changed) wrote?.(written.version)
      settle(error, reply)
    },
  })
}

/** Key by key: as in Redis only the first that has something is answered. */
function attemptDirect(
  row: BlockingRow,
  call: Call,
  [name, ...others]: readonly Buffer[],
  isOver: () => boolean,
  settle: Settle<Reply>,
): void {
  if (isOver()) {
    settle(null, undefined)
    return
  }
  const args = name === undefined ? call.args : row.blocking.at!(call.args, name)
  execute(row, { ...call, args }, (error, reply) => {
    if (error === null && reply !== NULL_ARRAY) settle(null, reply)
    else if (error !== null && name !== undefined && isAboutKey(error))
      keyIsGone(row, call, name, others, isOver, settle)
    else if (error !== null) settle(error, undefined)
    else if (others.length > 0) attemptDirect(row, call, others, isOver, settle)
    else settle(null, undefined)
  })
}

/** What it waits at has gone, or is of another type now. */
function keyIsGone(
  row: BlockingRow,
  call: Call,
  name: Buffer,
  others: readonly Buffer[],
  isOver: () => boolean,
  settle: Settle<Reply>,
): void {
  const { whenKeyIsGone } = row.blocking
  if (whenKeyIsGone !== undefined) {
    call.services.store.compute<Reply>(call.automation, {
      needs: [{ name, extent: 'meta' }],
      run: (db) => whenKeyIsGone(db, name),
      done: settle,
    })
  } else if (others.length > 0) {
    attemptDirect(row, call, others, isOver, settle)
  } else {
    settle(null, undefined)
  }
}

const isAboutKey = (error: Error): boolean => ['WRONGTYPE', 'NOGROUP'].includes(kindOf(error) ?? '')
