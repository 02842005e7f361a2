import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterRestClient } from './clients.ts'
import type { Recorder } from './recorder.ts'

interface Look {
  readonly version: number
  /** The racers' keys, each with what it holds. */
  readonly values: readonly unknown[]
}

/**
 * Runs rounds in which all racers write with the same `if_version`, at whichever server: of each, exactly one
 * may win. Each has a key of its own, so nothing but the version keeps them apart.
 */
export class Race {
  private readonly recorder: Recorder
  private readonly racers: readonly ClusterRestClient[]
  private round = 0
  /**
   * Writes of earlier rounds that may still take effect, as long as the version is the one that they ask for.
   */
  private pending: Array<{ version: number; value: string }> = []

  constructor(recorder: Recorder, racers: readonly ClusterRestClient[]) {
    this.recorder = recorder
    this.racers = racers
  }

  async run(): Promise<void> {
    const { recorder, racers } = this
    const before = await this.look()
    if (before === undefined) {
      await delay(5)
      return
    }
    const round = ++this.round
    const outcomes = await Promise.all(
      racers.map(async (racer, i) => {
        const value = `r${round}-${i}`
        const { outcome } = await recorder.request(true, () =>
          racer.call('PUT', `/race-${i}?if_version=${before.version}`, value),
        )
        return { value, outcome }
      }),
    )
    const winners = outcomes.filter(({ outcome }) => outcome.kind === 'ok' && outcome.reply.status < 300)
    const lost = outcomes
      .filter(({ outcome }) => outcome.kind === 'unknown')
      .map(({ value }) => ({ version: before.version, value }))
    const unknown = (this.pending = [
      ...this.pending.filter(({ version }) => version === before.version),
      ...lost,
    ])
    const refused = outcomes.filter(({ outcome }) => outcome.kind === 'refused')
    recorder.written += winners.length
    const fail = (text: string): void =>
      void recorder.violations.push(`if_version ${before.version}, round ${round}: ${text}`)
    if (winners.length > 1) fail(`${winners.map(({ value }) => value).join()} have all won`)
    if (winners.length + unknown.length + refused.length === 0) fail('nobody has won')
    for (const { outcome } of winners) {
      const version = outcome.kind === 'ok' && outcome.reply.body.version
      if (version !== before.version + 1) fail(`the winner was told version ${version}`)
    }
    const after = await this.look()
    if (after === undefined) return
    const changed = after.values.filter((value, i) => value !== before.values[i])
    if (changed.length !== after.version - before.version || changed.length > 1) {
      fail(`the version became ${after.version}, and ${changed.length} keys have changed: ${changed.join()}`)
    }
    const possible = winners.length > 0 ? winners : unknown
    if (changed.some((value) => !possible.some((write) => write.value === value)))
      fail(`${changed.join()} is there`)
    if (winners.length > 0 && changed.length === 0) fail(`${winners[0]!.value} has won, but is not there`)
  }

  /** The version and all keys at one moment. */
  async look(): Promise<Look | undefined> {
    const operations = this.racers.map((_, i) => ({ op: 'get', key: `race-${i}` }))
    const { outcome } = await this.recorder.request(false, () =>
      this.racers[0]!.call('POST', '/batch', { operations }),
    )
    if (outcome.kind !== 'ok') return undefined
    const { version, results } = outcome.reply.body
    return { version, values: results.map(({ value }: { value: unknown }) => value) }
  }
}
