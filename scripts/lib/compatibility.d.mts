import type { Facts } from './docs.mjs'

export interface Standing {
  readonly status: 'served' | 'refused' | 'missing'
  readonly reason?: string
}

export function redisCommands(): string[]
export function clientRun(): { date: string; clients: Array<{ id: string; name: string; version: string; results: Record<string, { status: string; note?: string }> }> } | undefined
export function standing(name: string, facts: Pick<Facts, 'table' | 'refusedSubcommands'>): Standing
