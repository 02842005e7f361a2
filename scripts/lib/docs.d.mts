import type { Row } from '../../src/registry/row.ts'
import type { ERRORS } from '../../src/errors/errors.ts'
import type { Setting } from '../../src/config/settings.ts'

export interface Facts {
  readonly table: ReadonlyMap<string, Row>
  readonly refusedSubcommands: Readonly<Record<string, string>>
  readonly settings: readonly Setting[]
  readonly errors: typeof ERRORS
}

export interface Generated {
  readonly file: string
  readonly render: (page: string) => string
}

export function generated(facts: Facts): Generated[]
