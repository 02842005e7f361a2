import type { EventClass } from '../engine/notifications/event-classes.ts'
import type { Database } from '../engine/plaintext/database.ts'
import type { TouchedKey } from '../engine/plaintext/key-events.ts'
import { keyIndexes } from '../gate/key-spec.ts'
import type { Reply } from '../reply/reply.ts'
import { classOf, type Notifies } from './notifies.ts'
import type { ComputedRow, DataRow } from './row.ts'

/**
 * Runs a command on a computation: every one of a client, a transaction or a script passes here. `run` is the
 * row's own, or another form of it that tells the same events.
 */
export function runRow<T extends Reply | undefined>(
  row: ComputedRow,
  db: Database,
  args: readonly Buffer[],
  run: () => T,
): T {
  const { events } = db
  if (events === undefined || row.kind !== 'data') return run()
  if (row.misses !== undefined && events.wants('m')) tellMisses(row, db, args)
  const { notifies } = row
  if (notifies === undefined) return run()
  return runTelling(db, notifies, classOf(row.group), args, run)
}

/** The same for a change that is no command. */
export function runTelling<T>(
  db: Database,
  notifies: Notifies,
  kind: EventClass,
  args: readonly Buffer[],
  run: () => T,
): T {
  const { events } = db
  if (events === undefined) return run()
  const emit = events.emit.bind(events)
  const tell = (touched: readonly TouchedKey[]): void => {
    if (touched.length > 0) notifies({ args, touched, kind, emit })
  }
  // Too many of them are an error of the command, which then has changed nothing.
  return db.attempt(() => events.collect(run, (name) => db.has(name), tell))
}

/** Of keys that a command looks for and does not find. */
function tellMisses(row: DataRow, db: Database, args: readonly Buffer[]): void {
  for (const index of row.misses!(keyIndexes(row, args), args))
    if (!db.has(args[index]!)) db.events!.emit('m', 'keymiss', args[index]!)
}
