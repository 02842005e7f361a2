import type { Outcome } from './clients.ts'
import { check, type Model, type Operation } from './linearizability.ts'
import type { Input, Output } from './models.ts'

export interface Counts {
  ok: number
  refused: number
  unknown: number
}

/**
 * A version that an answer told, and when. `own`: it is that of the write itself, so no other write has it.
 */
interface SeenVersion {
  readonly version: number
  readonly call: number
  readonly end: number
  readonly own: boolean
}

interface KeyHistory {
  readonly model: Model<unknown, Input, Output>
  readonly operations: Operation<Input, Output>[]
}

/** What happened to one automation: every request with its beginning, its end and its outcome. */
export class Recorder {
  readonly counts: Counts = { ok: 0, refused: 0, unknown: 0 }
  readonly violations: string[] = []
  /** How long each answer took that the Redis is unavailable, and when that began. */
  readonly refusals: Array<{ readonly call: number; readonly ms: number }> = []
  readonly versions: SeenVersion[] = []
  /** Write requests that said that they changed something, and those of which nobody knows. */
  written = 0
  unknownWrites = 0
  private readonly histories = new Map<string, KeyHistory>()

  /** Runs one request and counts its outcome. */
  async request<T>(
    writes: boolean,
    send: () => Promise<Outcome<T>>,
  ): Promise<{ outcome: Outcome<T>; call: number; end: number }> {
    const call = performance.now()
    const outcome = await send()
    const end = performance.now()
    if (outcome.kind === 'error') this.violations.push(`unforeseen answer: ${outcome.text}`)
    else this.counts[outcome.kind]++
    if (outcome.kind === 'refused' && /unavailable/.test(outcome.text))
      this.refusals.push({ call, ms: end - call })
    if (outcome.kind === 'unknown' && writes) this.unknownWrites++
    return { outcome, call, end }
  }

  /** Notes one operation on a key. A read whose outcome is unknown says nothing. */
  note(
    key: string,
    model: KeyHistory['model'],
    input: Input,
    output: Output | undefined,
    call: number,
    end: number,
  ): void {
    let history = this.histories.get(key)
    if (history === undefined) this.histories.set(key, (history = { model, operations: [] }))
    history.operations.push({ input, output, call, return: output === undefined ? Infinity : end })
  }

  sawVersion(version: number, own: boolean, call: number, end: number): void {
    this.versions.push({ version, own, call, end })
  }

  /**
   * Adds to `violations` what no order of the operations explains. Answers how many operations were checked.
   */
  checkHistories(): number {
    let checked = 0
    for (const [key, { model, operations }] of this.histories) {
      checked += operations.length
      const verdict = check(model, operations)
      if (verdict === 'linearizable') continue
      const { length } = operations
      this.violations.push(`${verdict}: ${length} operations on ${key}: ${shown(operations)}`)
    }
    return checked
  }

  /** `last`: the version when all was quiet. */
  checkVersions(last: number): void {
    const { written, unknownWrites, versions } = this
    if (last < written)
      this.violations.push(`version ${last} is less than the ${written} acknowledged writes`)
    if (last > written + unknownWrites)
      this.violations.push(
        `version ${last} is more than ${written} acknowledged and ${unknownWrites} unknown writes`,
      )
    const own = versions.filter((seen) => seen.own)
    if (new Set(own.map(({ version }) => version)).size < own.length)
      this.violations.push('two writes were told the same version')
    // In the order of time no version may be less than one that an earlier answer told.
    const ends = [...versions].sort((a, b) => a.end - b.end)
    let highest = 0
    let i = 0
    for (const { version, call, own: isOwn } of [...versions].sort((a, b) => a.call - b.call)) {
      for (; i < ends.length && ends[i]!.end < call; i++) highest = Math.max(highest, ends[i]!.version)
      if (version < highest || (isOwn && version === highest))
        this.violations.push(`version went back: ${version} after ${highest}`)
    }
  }
}

/** The latest operations, which is where most contradictions show. */
function shown(operations: readonly Operation<Input, Output>[]): string {
  const line = ({ input, output, call, return: end }: Operation<Input, Output>): string => {
    const answer = output === undefined ? '?' : JSON.stringify(output)
    return `${input.op}(${input.value ?? ''}) -> ${answer} [${call.toFixed(1)}..${end === Infinity ? '' : end.toFixed(1)}]`
  }
  return [...operations]
    .sort((a, b) => a.call - b.call)
    .map(line)
    .join('\n  ')
    .slice(-6_000)
}
