import { type Extent, type Need, type Part, partOf, widest } from '../../engine/plaintext/extent.ts'
import { idOf } from '../../lib/id.ts'
import { RecentMap } from '../../lib/recent-map.ts'
import { KeySeries, type NumberedKey, numberedKey } from './key-series.ts'

/** Names of a part: as text with a character for each byte, or an index in ARGV. */
interface UsedPart {
  readonly of: Part['of']
  readonly names: ReadonlyArray<string | number>
}

type Used = Exclude<Extent, readonly Buffer[] | Part> | UsedPart

/** What a run of a script looked at, in terms of its KEYS and ARGV. */
export interface ScriptUsage {
  /** By index in KEYS; undefined: it was not looked at. */
  readonly keys: ReadonlyArray<Used | undefined>
  /** Keys that were not declared, and whose names begin with one that was. */
  readonly besides: ReadonlyArray<{ readonly key: number; readonly suffix: string; readonly used: Used }>
  /** Others with a number in their name, of which there was one of the kind. */
  readonly numbered: readonly NumberedKey<Used>[]
}

/** Longer ones are looked up when they are needed. */
const LONGEST_NAME = 64
const MOST_NAMES = 16
const MOST_BESIDES = 8
const MOST_KEYS = 32
const LONGEST_KEY = 256
/** Names that are looked at for what they have in common with the next run's. */
const MOST_UNDECLARED = 64

/** What one run looks at, as it goes. */
export class UsageLog {
  private readonly needs = new Map<string, Need>()

  note(name: Buffer, extent: Extent): void {
    const id = idOf(name)
    const known = this.needs.get(id)
    if (known === undefined) this.needs.set(id, { name, extent })
    else if (known.extent !== extent)
      this.needs.set(id, { name: known.name, extent: widest(known.extent, extent) })
  }

  /** Undefined when there are too many keys to be remembered. */
  usage(keys: readonly Buffer[], args: readonly Buffer[]): ScriptUsage | undefined {
    if (keys.length > MOST_KEYS) return undefined
    const declared = new Set(keys.map(idOf))
    const used = keys.map((key) => {
      const need = this.needs.get(idOf(key))
      return need && usedOf(need.extent, args)
    })
    const besides: { key: number; suffix: string; used: Used }[] = []
    const numbered = new Map<string, NumberedKey<Used> | undefined>()
    let left = MOST_UNDECLARED
    for (const [id, { name, extent }] of this.needs) {
      if (declared.has(id) || name.length > LONGEST_KEY) continue
      if (left-- === 0) break
      const key = keys.findIndex((each) => isPrefix(each, name))
      if (key >= 0) {
        const suffix = name.toString('latin1', keys[key]!.length)
        if (besides.length < MOST_BESIDES) besides.push({ key, suffix, used: usedOf(extent, args) })
        continue
      }
      const found = numberedKey(name.toString('latin1'), usedOf(extent, args))
      if (found === undefined) continue
      const kind = `${found.prefix}\0${found.suffix}`
      numbered.set(kind, numbered.has(kind) ? undefined : found)
    }
    return { keys: used, besides, numbered: [...numbered.values()].filter((each) => each !== undefined) }
  }
}

const DIGIT = /^\d/

/** What follows is no other number: of `job:1` and `job:12` none belongs to the other. */
const isPrefix = (key: Buffer, name: Buffer): boolean =>
  key.length > 0 &&
  name.length - key.length <= LONGEST_NAME &&
  name.subarray(0, key.length).equals(key) &&
  !DIGIT.test(name.toString('latin1', key.length, key.length + 1))

function usedOf(extent: Extent, args: readonly Buffer[]): Used {
  if (typeof extent === 'string') return extent
  const { of, names } = partOf(extent) as Part
  const short = names.filter(({ length }) => length <= LONGEST_NAME).slice(0, MOST_NAMES)
  return {
    of,
    names: short.map((name) => {
      const at = args.findIndex((arg) => arg.equals(name))
      return at < 0 ? name.toString('latin1') : at
    }),
  }
}

function extentOf(used: Used, args: readonly Buffer[]): Extent {
  if (typeof used === 'string') return used
  const names = used.names.flatMap((name) =>
    typeof name === 'string' ? Buffer.from(name, 'latin1') : (args[name] ?? []),
  )
  return { of: used.of, names }
}

/** What to expect after a run that looked at `last`: what is read in vain costs less than what is missing. */
function expected(before: Used | undefined, last: Used | undefined): Used | undefined {
  if (before === undefined || before === 'all' || last === 'all') return last
  if (last === undefined || last === 'meta') return before
  if (before === 'meta' || typeof before === 'string' || typeof last === 'string' || before.of !== last.of)
    return last
  return { of: last.of, names: [...new Set([...last.names, ...before.names])].slice(0, MOST_NAMES) }
}

interface Known {
  /** Undefined before a first run was over. */
  readonly last: Pick<ScriptUsage, 'keys' | 'besides'> | undefined
  readonly series: KeySeries<Used>
}

/** Of all automations together, in estimated bytes. */
const MOST_BYTES = 16 * 1024 * 1024
const ENTRY_BYTES = 2_048

/**
 * What scripts looked at when they were last run: it is read at once before they are run again. Wrong or
 * missing, it costs time and nothing else: what a script needs beyond it is read when it does.
 */
export class ScriptUsages {
  private readonly usages = new RecentMap<Known>(MOST_BYTES, () => ENTRY_BYTES)

  note(automationId: string, sha1: string, last: ScriptUsage): void {
    const id = `${automationId} ${sha1}`
    const before = this.usages.get(id)
    const keys = last.keys.map((used, i) => expected(before?.last?.keys[i], used))
    const series = before?.series ?? new KeySeries<Used>()
    series.note(last.numbered)
    this.usages.set(id, { last: { keys, besides: last.besides }, series })
  }

  /** Undefined when nothing is known of it. */
  needs(
    automationId: string,
    sha1: string,
    keys: readonly Buffer[],
    args: readonly Buffer[],
  ): Need[] | undefined {
    const id = `${automationId} ${sha1}`
    let known = this.usages.get(id)
    if (known === undefined) {
      known = { last: undefined, series: new KeySeries<Used>() }
      this.usages.set(id, known)
    }
    const { last, series } = known
    const numbered = series.next()
    if (last === undefined) return undefined
    const needs: Need[] = []
    for (const [i, name] of keys.entries()) {
      const used = i < last.keys.length ? last.keys[i] : 'all'
      if (used !== undefined) needs.push({ name, extent: extentOf(used, args) })
    }
    for (const { key, suffix, used } of last.besides) {
      if (key >= keys.length) continue
      const name = Buffer.concat([keys[key]!, Buffer.from(suffix, 'latin1')])
      needs.push({ name, extent: extentOf(used, args) })
    }
    for (const { name, used } of numbered)
      needs.push({ name: Buffer.from(name, 'latin1'), extent: extentOf(used, args) })
    return needs
  }
}

/** So many runs of a script read a key whole after one that turned out to need that. */
const WHOLE_RUNS = 16
const MOST_SCRIPTS = 10_000

/** Keys of which a script looked at more than its commands say: of the middle of a list, for example. */
export class WholeKeys {
  private readonly runs = new RecentMap<Map<number, number>>(MOST_SCRIPTS, () => 1)

  note(automationId: string, sha1: string, key: number): void {
    const id = `${automationId} ${sha1}`
    const left = this.runs.get(id) ?? new Map<number, number>()
    left.set(key, WHOLE_RUNS)
    this.runs.set(id, left)
  }

  /** Puts them into what a run used, and counts it. */
  addTo(automationId: string, sha1: string, usage: ScriptUsage): ScriptUsage {
    const left = this.runs.get(`${automationId} ${sha1}`)
    if (left === undefined || left.size === 0) return usage
    const keys = [...usage.keys]
    for (const [key, runs] of left) {
      if (key < keys.length) keys[key] = 'all'
      if (runs > 1) left.set(key, runs - 1)
      else left.delete(key)
    }
    return { ...usage, keys }
  }
}

/** What a script looked at. */
export interface UsedBy {
  readonly sha1: string
  readonly usage: ScriptUsage
}

/** What the scripts of this process looked at. A thread keeps it only until it has told the main thread. */
export class ScriptUses {
  private readonly usages = new ScriptUsages()
  private readonly wholeKeys = new WholeKeys()
  private readonly onThread: boolean
  private untold: UsedBy[] = []

  constructor(onThread: boolean) {
    this.onThread = onThread
  }

  note(automationId: string, sha1: string, own: ScriptUsage | undefined): void {
    if (own === undefined) return
    const usage = this.wholeKeys.addTo(automationId, sha1, own)
    if (this.onThread) this.untold.push({ sha1, usage })
    else this.learn(automationId, { sha1, usage })
  }

  /** These keys had to be read whole. */
  noteWhole(automationId: string, sha1: string, keys: readonly Buffer[], names: readonly Buffer[]): void {
    for (const name of names) {
      const key = keys.findIndex((each) => each.equals(name))
      if (key >= 0) this.wholeKeys.note(automationId, sha1, key)
    }
  }

  learn(automationId: string, { sha1, usage }: UsedBy): void {
    this.usages.note(automationId, sha1, usage)
  }

  /** What was noted since the last call, on a thread. */
  take(): readonly UsedBy[] {
    return this.untold.splice(0)
  }

  needs(
    automationId: string,
    sha1: string,
    keys: readonly Buffer[],
    args: readonly Buffer[],
  ): readonly Need[] | undefined {
    return this.usages.needs(automationId, sha1, keys, args)
  }
}
