import type { RemoteCommands, RemoteJob } from '../../engine/optimistic/remote-compute.ts'
import type { Call, ServiceContext } from '../../registry/context.ts'
import { type DataRow, isComputed, type KeyspaceRow } from '../../registry/row.ts'
import type { QueuedCommand } from './queued-command.ts'

/** A write with more arguments is not sealed on the thread that serves sockets: that takes some ms. */
const MOST_ARGS = 1_000
/** The same for bytes; one value of the default limit is less. */
const MOST_BYTES = 2 * 1024 * 1024

/** Whether the arguments alone make a write heavy. */
export function isLargeWrite({ flags }: DataRow, args: readonly Buffer[]): boolean {
  if (!flags.includes('write')) return false
  if (args.length > MOST_ARGS) return true
  // Only with many arguments can they be many bytes.
  if (args.length < 4) return false
  let bytes = 0
  for (const { length } of args) bytes += length
  return bytes > MOST_BYTES
}

function isHeavy(row: DataRow | KeyspaceRow, args: readonly Buffer[], context: ServiceContext): boolean {
  if (row.kind !== 'data') return false
  if (row.script === undefined) return isLargeWrite(row, args)
  const { given, at } = row.script
  return !context.services.scripts.isFast(context.automation.id, given, args[at]!)
}

/** One command for another thread; undefined when the protocol of its reply is not known. */
export const remoteCommand = (row: DataRow, call: Call): RemoteJob | undefined =>
  remoteJob(call, [{ row, args: call.args }], false, [])

export const remoteTransaction = (
  context: ServiceContext,
  queue: readonly QueuedCommand[],
  watched: RemoteCommands['watched'],
): RemoteJob | undefined => remoteJob(context, queue, true, watched)

function remoteJob(
  context: ServiceContext,
  queue: readonly QueuedCommand[],
  isTransaction: boolean,
  watched: RemoteCommands['watched'],
): RemoteJob | undefined {
  const { identity, protocol } = context
  if (protocol === undefined) return undefined
  const someIsHeavy = (): boolean =>
    queue.some(({ row, args }) => row.kind !== 'connection' && isHeavy(row, args, context))
  const job: RemoteCommands = {
    type: 'commands',
    identity,
    protocol,
    isTransaction,
    isTraced: context.traced !== undefined,
    commands: queue.map(({ row, args }) => (isComputed(row) ? args : undefined)),
    watched,
    isHeavy: someIsHeavy(),
    reconsider: () => {
      job.isHeavy = someIsHeavy()
    },
  }
  return job
}
