import { Cluster } from './cluster.ts'
import { type EpisodeReport, runEpisode } from './episode.ts'
import { FAULTS } from './faults.ts'
import { Random } from './random.ts'
import { runWaited, WAITED } from './waited.ts'

/** One line of the table. */
export interface Row {
  readonly fault: string
  readonly what: string
  episodes: number
  ok: number
  refused: number
  unknown: number
  checked: number
  slowestRecoveryMs: number
  slowestRefusalMs: number
  refusalP99Ms: number
  lost: number
  violations: number
}

export interface RunReport {
  readonly seed: number
  readonly seconds: number
  readonly servers: number
  readonly operations: number
  readonly rows: readonly Row[]
  readonly violations: readonly string[]
}

export interface RunOptions {
  readonly seed: number
  /** Every fault is had at least once, however short this is. */
  readonly minutes: number
  readonly servers: number
  /** Acknowledged requests before and after each fault. */
  readonly enough: number
  /** Names of faults begin so; all without it. */
  readonly only?: readonly string[] | undefined
  readonly onEpisode?: (report: EpisodeReport) => void
}

/**
 * Goes through the faults, round by round, until the time is over. Stops after the first episode with a
 * violation.
 */
export async function run({
  seed,
  minutes,
  servers,
  enough,
  only,
  onEpisode,
}: RunOptions): Promise<RunReport> {
  const startedAt = performance.now()
  const faults = [...FAULTS, WAITED].filter(
    ({ name }) => only?.some((start) => name.startsWith(start)) ?? true,
  )
  const random = new Random(seed)
  const rows = new Map(faults.map(({ name, what }) => [name, emptyRow(name, what)]))
  const violations: string[] = []
  const cluster = await Cluster.start(servers)
  try {
    for (let i = 0; i < faults.length || performance.now() - startedAt < minutes * 60_000; i++) {
      const fault = faults[i % faults.length]!
      const report =
        'inject' in fault
          ? await runEpisode(cluster, fault, random.fork(), enough)
          : await runWaited(cluster, random.fork())
      add(rows.get(report.fault)!, report)
      onEpisode?.(report)
      violations.push(...report.violations)
      if (violations.length > 0) break
    }
  } finally {
    await cluster.stop()
  }
  const all = [...rows.values()]
  const operations = all.reduce((sum, { ok, refused, unknown }) => sum + ok + refused + unknown, 0)
  return {
    seed,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    servers,
    operations,
    rows: all,
    violations,
  }
}

const emptyRow = (fault: string, what: string): Row => ({
  fault,
  what,
  episodes: 0,
  ok: 0,
  refused: 0,
  unknown: 0,
  checked: 0,
  slowestRecoveryMs: 0,
  slowestRefusalMs: 0,
  refusalP99Ms: 0,
  lost: 0,
  violations: 0,
})

function add(row: Row, report: EpisodeReport): void {
  row.episodes++
  row.ok += report.ok
  row.refused += report.refused
  row.unknown += report.unknown
  row.checked += report.checked
  row.lost += report.lost
  row.violations += report.violations.length
  row.slowestRecoveryMs = Math.round(Math.max(row.slowestRecoveryMs, report.recoveryMs))
  row.slowestRefusalMs = Math.round(Math.max(row.slowestRefusalMs, report.refusalMs.max))
  row.refusalP99Ms = Math.round(Math.max(row.refusalP99Ms, report.refusalMs.p99))
}
