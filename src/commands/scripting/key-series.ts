/** A name with a number in it that a run looked at, and how: `prefix`, number, `suffix`. */
export interface NumberedKey<T> {
  readonly prefix: string
  readonly suffix: string
  readonly number: number
  readonly used: T
}

interface Series<T> extends NumberedKey<T> {
  number: number
  used: T
  /** Runs in a row that did not look at one. */
  missed: number
}

const MOST_SERIES = 4
/** A series is over after so many runs without it. */
const MOST_MISSED = 8
/** Runs that fail are never over; nor do so many wait at once. */
const MOST_OPEN = 512
const NUMBERED = /^([^]*?)(0|[1-9]\d{0,14})(\D{0,64})$/

/** Of a name that ends with a number, or with a number and something else. */
export function numberedKey<T>(name: string, used: T): NumberedKey<T> | undefined {
  const [, prefix, digits, suffix] = NUMBERED.exec(name) ?? []
  return prefix === undefined ? undefined : { prefix, suffix: suffix!, number: Number(digits), used }
}

/**
 * Names that count up from one run of a script to the next, as jobs of a queue do: where the last run
 * looked at `job:7`, the next one probably looks at `job:8`.
 */
export class KeySeries<T> {
  private series: Series<T>[] = []
  /** Runs that were asked about and are not over: each takes a number. */
  private open = 0

  /** What a run looked at, each series once. */
  note(keys: readonly NumberedKey<T>[]): void {
    this.open = Math.max(0, this.open - 1)
    for (const known of this.series) {
      const found = keys.find((key) => isSame(key, known))
      known.missed = found === undefined ? known.missed + 1 : 0
      if (found === undefined) continue
      known.number = found.number
      known.used = found.used
    }
    this.series = this.series.filter(({ missed }) => missed < MOST_MISSED)
    for (const key of keys) {
      if (this.series.length >= MOST_SERIES) break
      if (!this.series.some((known) => isSame(key, known))) this.series.push({ ...key, missed: 0 })
    }
  }

  /** For a run that begins now, or waits behind others for which this was asked. */
  next(): ReadonlyArray<{ readonly name: string; readonly used: T }> {
    this.open = this.open >= MOST_OPEN ? 1 : this.open + 1
    return this.series.map(({ prefix, number, suffix, used }) => ({
      name: `${prefix}${number + this.open}${suffix}`,
      used,
    }))
  }
}

const isSame = (a: NumberedKey<unknown>, b: NumberedKey<unknown>): boolean =>
  a.prefix === b.prefix && a.suffix === b.suffix
