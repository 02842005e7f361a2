import { type BackingReply, isBackingKey } from '../../backing/backing.ts'
import { PendingWrites } from '../../engine/store.ts'
import { leaves, type NativeWrite, nativeWrite } from '../../engine/writes/native-write.ts'
import type { WriteDone } from '../../engine/writes/write-batch.ts'
import { idOf } from '../../lib/id.ts'
import type { Call, ServiceContext } from '../../registry/context.ts'
import { type DataRow, isComputed } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { directReply, OTHER_FORMS } from './execute.ts'
import type { QueuedCommand } from './queued-command.ts'

/** More than this would hold up the backing Redis for long. */
const MAX_OPERATIONS = 500

/** Reads of one key beyond this are answered from one that is opened once: Redis would send it as often. */
const MOST_READS_OF_KEY = 4

interface Part {
  readonly row: DataRow
  readonly call: Call
  readonly count: number
}

interface Plan {
  readonly operations: readonly NativeWrite[]
  /** For each command of the queue; undefined for one on the connection itself. */
  readonly parts: ReadonlyArray<Part | undefined>
}

/**
 * Runs a transaction in one round trip, on ciphertext. Undefined when one of its commands has to be computed:
 * nothing was sent then.
 */
export function runNative(
  queue: readonly QueuedCommand[],
  context: ServiceContext,
): Promise<readonly Reply[]> | undefined {
  if (context.services.store.tellsEvents(context.automation)) return undefined
  const plan = planOf(queue, context)
  if (plan === undefined || !context.services.store.fits(plan.operations)) return undefined
  return new Promise((resolve, reject) => {
    const done: WriteDone = (error, raws, written) => {
      if (written.changed) context.wrote?.(written.version)
      if (error === null) resolve(repliesOf(plan, raws))
      else reject(error)
    }
    const pendingWrites = new PendingWrites()
    context.services.store.write(context.automation, plan.operations, done, undefined, pendingWrites)
    // What follows on the connection must not go out before it.
    pendingWrites.flush()
  })
}

function planOf(queue: readonly QueuedCommand[], context: ServiceContext): Plan | undefined {
  const operations: NativeWrite[] = []
  const parts: Array<Part | undefined> = []
  const reads = new Map<string, number>()
  let writes = false
  for (const { row, args } of queue) {
    if (row.kind === 'connection' && !isComputed(row)) {
      parts.push(undefined)
      continue
    }
    if (row.kind !== 'data') return undefined
    const call: Call = { args, ...context }
    const own = operationsOf(call, row)
    if (own === undefined) return undefined
    if (row.flags.includes('write')) writes = true
    else if (own.some(({ name }) => count(reads, name) > MOST_READS_OF_KEY)) return undefined
    for (const each of own) operations.push(each)
    parts.push({ row, call, count: own.length })
    if (operations.length > MAX_OPERATIONS) return undefined
  }
  // What only reads has nothing to lose, and its failure must not say that something may have been written.
  if (!writes || isTradeOfKeys(operations)) return undefined
  return { operations, parts }
}

function count(counts: Map<string, number>, name: Buffer): number {
  const id = idOf(name)
  const count = (counts.get(id) ?? 0) + 1
  counts.set(id, count)
  return count
}

/**
 * Whether keys may go and others come: the script would hold the new ones against the quota before it knows
 * of the room that is made.
 */
const isTradeOfKeys = (operations: readonly NativeWrite[]): boolean =>
  operations.some(({ leaves }) => leaves.key === 'gone' || leaves.key === 'to-be-looked-at') &&
  operations.some(({ leaves }) => leaves.mayCreate)

/** Undefined when the command has to be computed, or may turn out to be when Redis has seen its key. */
function operationsOf(
  call: Call,
  { direct, blocking, group, keys }: DataRow,
): readonly NativeWrite[] | undefined {
  if (direct === undefined || blocking !== undefined || OTHER_FORMS.includes(group)) return undefined
  try {
    if ('write' in direct) return direct.write(call)
    if (keys.first !== 1 || keys.last !== 1 || keys.find !== undefined) return undefined
    const command = direct.read(call)
    if (command === undefined) return undefined
    const [name, key, ...args] = command
    if (key === undefined || !isBackingKey(key) || key.name !== call.args[1]) return undefined
    return [nativeWrite(String(name), call.args[1]!, leaves.withItsTtl, 'no-reply', args)]
  } catch {
    // The computed way answers the error in its place.
    return undefined
  }
}

function repliesOf({ parts }: Plan, raws: readonly BackingReply[]): Reply[] {
  let at = 0
  return parts.map((part) => {
    if (part === undefined) return null
    const own = raws.slice(at, at + part.count)
    at += part.count
    return directReply(part.row, part.call, own)
  })
}
