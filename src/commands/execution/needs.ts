import type { Need } from '../../engine/plaintext/extent.ts'
import { keyIndexes } from '../../gate/key-spec.ts'
import type { ServiceContext } from '../../registry/context.ts'
import type { DataRow } from '../../registry/row.ts'

/** The keys that a command will look at; of a script that was run before, what it looked at then. */
export function needsOf(row: DataRow, args: readonly Buffer[], context: ServiceContext): readonly Need[] {
  const indexes = keyIndexes(row, args)
  if (row.script !== undefined && indexes.length > 0) {
    const { given, at } = row.script
    const { automation, services } = context
    const keys = indexes.map((index) => args[index]!)
    const more = args.slice(indexes.at(-1)! + 1)
    const needs = services.scripts.needs(automation.id, given, args[at]!, keys, more)
    if (needs !== undefined) return needs
  }
  return indexes.map((index) => ({ name: args[index]!, extent: row.extent(args, index) }))
}
