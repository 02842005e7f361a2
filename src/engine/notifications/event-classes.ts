/**
 * The letters of `notify-keyspace-events`. Source:
 * https://redis.io/docs/latest/develop/use/keyspace-notifications/
 */
export type EventClass = 'g' | '$' | 'l' | 's' | 'h' | 'z' | 'x' | 'e' | 't' | 'd' | 'n' | 'm'

/** What `A` stands for: all but `n` and `m`. In Redis's order. */
const ALL = 'g$lshzxetd'
const KNOWN = `A${ALL}nKEm`

/** As a refusal of Redis shows them. */
export const EVENT_CLASSES = 'Ag$lshzxeKEtmdn'

/** Which events are wanted, and by which of the two kinds of channels. */
export interface WantedEvents {
  readonly keyspace: boolean
  readonly keyevent: boolean
  wants(event: EventClass): boolean
}

/** What is kept of a setting, undefined when Redis refuses it: each letter once, `A` where it may stand. */
export function readEvents(setting: string): string | undefined {
  for (const letter of setting) if (!KNOWN.includes(letter)) return undefined
  const has = (letter: string): boolean =>
    setting.includes(letter) || (ALL.includes(letter) && setting.includes('A'))
  const classes = [...ALL].filter(has).join('')
  return (classes === ALL ? 'A' : classes) + [...'nKEm'].filter(has).join('')
}

/** The setting as CONFIG GET shows it: Redis drops `n` beside `A`. */
export const showEvents = (kept: string): string => (kept.startsWith('A') ? kept.replace('n', '') : kept)

/** Of what is kept; undefined when no message can come of it. */
export function wantedEvents(kept: string): WantedEvents | undefined {
  const keyspace = kept.includes('K')
  const keyevent = kept.includes('E')
  if (!keyspace && !keyevent) return undefined
  const hasAll = kept.startsWith('A')
  return {
    keyspace,
    keyevent,
    wants: (event) => kept.includes(event) || (hasAll && ALL.includes(event)),
  }
}
