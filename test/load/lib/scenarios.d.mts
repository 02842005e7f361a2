export interface Check {
  readonly what: string
  readonly ok: boolean
  readonly value?: number
  readonly limit?: number
  readonly unit?: string
  readonly detail?: string
}

export interface Row {
  readonly id: string
  readonly title: string
  readonly figures: Readonly<Record<string, readonly [value: number, unit: string]>>
  readonly checks: readonly Check[]
}

export interface Scenario {
  readonly id: string
  readonly title: string
}

export const FULL: readonly Scenario[]
export const SMALL: readonly Scenario[]
export function runScenarios(
  scenarios: readonly Scenario[],
  options: { say: (text: string) => void; warmSeconds?: number; dist?: string },
): Promise<Row[]>
