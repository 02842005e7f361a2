export type Point = readonly [x: number, y: number]

export interface Trend {
  readonly seconds: number
  readonly mean: number
  readonly growth: number
  readonly allowed: number
  readonly error: number
  readonly grows: boolean
}

export function fit(points: readonly Point[]): { slope: number; mean: number; error: number }
export function lows(points: readonly Point[], windows: number): Point[]
export function trendOf(points: readonly Point[]): Trend
