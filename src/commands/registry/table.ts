import type { Row } from './row.ts'

const rows = new Map<string, Row>()

/** Every command by its lower-case name, served or refused. A Map has no prototype for a hostile name to reach. */
export const TABLE: ReadonlyMap<string, Row> = rows

/** Called once, by the index of all command files; apart from it so that COMMAND can look at the table that it is in. */
export function registerTable(all: readonly Row[]): void {
  for (const row of all) {
    if (rows.has(row.name)) throw new Error(`command ${row.name} has two rows`)
    rows.set(row.name, row)
  }
}
