import type { EventClass } from '../engine/notifications/event-classes.ts'
import type { TouchedKey } from '../engine/plaintext/key-events.ts'
import { idOf } from '../lib/id.ts'
import { word } from '../lib/word.ts'

/** A command that has run, and what it tells of the keys that it changed. */
export interface NotifyingCommand {
  readonly args: readonly Buffer[]
  readonly touched: readonly TouchedKey[]
  /** Events of its group are of this class. */
  readonly kind: EventClass
  readonly emit: (kind: EventClass, event: string, name: Buffer) => void
}

/**
 * The keyspace notifications of a command, as Redis sends them: see
 * https://redis.io/docs/latest/develop/use/keyspace-notifications/. Called only when it changed something.
 */
export type Notifies = (command: NotifyingCommand) => void

function tellNew({ emit }: NotifyingCommand, { name, existed, exists }: TouchedKey): void {
  if (!existed && exists) emit('n', 'new', name)
}

/** The same of each key; one that it emptied is deleted. */
export const tells =
  (event: string | ((args: readonly Buffer[]) => string)): Notifies =>
  (command) => {
    const name = typeof event === 'string' ? event : event(command.args)
    for (const key of command.touched) {
      tellNew(command, key)
      if (key.existed || key.exists) command.emit(command.kind, name, key.name)
      if (key.existed && !key.exists) command.emit('g', 'del', key.name)
    }
  }

/** A result is kept under a key, or the key deleted when there is none. */
export const tellsStored =
  (event: string, kind?: EventClass): Notifies =>
  (command) => {
    for (const key of command.touched) {
      tellNew(command, key)
      if (key.exists) command.emit(kind ?? command.kind, event, key.name)
      else if (key.existed) command.emit('g', 'del', key.name)
    }
  }

/** A key is made anew, whatever was there before. */
export const tellsMade =
  (event: string): Notifies =>
  ({ touched, emit }) => {
    for (const { name, existed, exists } of touched) {
      if (exists) {
        emit('n', 'new', name)
        emit('g', event, name)
      } else if (existed) emit('g', 'del', name)
    }
  }

export const tellsDeleted: Notifies = ({ touched, emit }) => {
  for (const { name, existed, exists } of touched) if (existed && !exists) emit('g', 'del', name)
}

/** A TTL: a moment that has passed deletes. */
export const tellsExpiry =
  (event: string | ((command: NotifyingCommand) => string)): Notifies =>
  (command) => {
    for (const { name, exists } of command.touched)
      command.emit('g', exists ? (typeof event === 'string' ? event : event(command)) : 'del', name)
  }

const TIMED: readonly string[] = ['EX', 'PX', 'EXAT', 'PXAT']

/** SET and its like: `from`: where options may begin, or always with a TTL. */
export const tellsSet =
  (ttl: 'by-options' | 'always' | 'never'): Notifies =>
  (command) => {
    const { args, touched, emit, kind } = command
    const isTimed =
      ttl === 'always' || (ttl === 'by-options' && args.slice(3).some((arg) => TIMED.includes(word(arg))))
    for (const key of touched) {
      // One whose moment has passed is there for a moment.
      tellNew(command, { ...key, exists: true })
      emit(kind, 'set', key.name)
      if (isTimed) emit('g', 'expire', key.name)
      if (!key.exists) emit('x', 'expired', key.name)
    }
  }

/** Pairs of keys and strings; one that is named twice is set twice. */
export const tellsPairs: Notifies = ({ args, touched, emit, kind }) => {
  const made = new Set(touched.filter(({ existed }) => !existed).map(({ name }) => idOf(name)))
  for (let at = 1; at < args.length; at += 2) {
    if (made.delete(idOf(args[at]!))) emit('n', 'new', args[at]!)
    emit(kind, 'set', args[at]!)
  }
}

/** An element goes from one key to another; Redis tells of its arrival first. */
export const tellsMove =
  (ends: (args: readonly Buffer[]) => { from: string; to: string }): Notifies =>
  (command) => {
    const { args, touched, emit, kind } = command
    const { from, to } = ends(args)
    const [source, destination] = [args[1]!, args[2]!]
    for (const key of touched) if (key.name.equals(destination)) tellNew(command, key)
    emit(kind, `${to}push`, destination)
    emit(kind, `${from}pop`, source)
    for (const key of touched)
      if (key.name.equals(source) && key.existed && !key.exists) emit('g', 'del', source)
  }

export const listEnd = (arg: Buffer | undefined): string => (word(arg) === 'LEFT' ? 'l' : 'r')

/** The end that LMPOP and its like take from stands behind the keys, whose number stands at `at`. */
export const endBehindKeys = (args: readonly Buffer[], at: number): string =>
  listEnd(args[at + 1 + Number(args[at])])

export const tellsRename: Notifies = (command) => {
  const { args, touched, emit } = command
  const [source, destination] = [args[1]!, args[2]!]
  if (touched.length > 0) emit('n', 'new', destination)
  emit('g', 'rename_from', source)
  emit('g', 'rename_to', destination)
}

export const tellsMemberMove: Notifies = (command) => {
  const { args, touched, emit } = command
  for (const key of touched) {
    const isSource = key.name.equals(args[1]!)
    if (!isSource) tellNew(command, key)
    emit('s', isSource ? 'srem' : 'sadd', key.name)
    if (isSource && !key.exists) emit('g', 'del', key.name)
  }
}

/** Nothing beyond what the command itself notes. */
export const tellsNothing: Notifies = () => {}

/** The same, and of a key that was made. */
export const tellsNewOnly: Notifies = (command) => {
  for (const key of command.touched) tellNew(command, key)
}

const CLASSES: Readonly<Record<string, EventClass>> = {
  string: '$',
  bitmap: '$',
  hyperloglog: '$',
  list: 'l',
  set: 's',
  hash: 'h',
  'sorted-set': 'z',
  stream: 't',
}

/** What the events of the commands of a group are. */
export const classOf = (group: string): EventClass => CLASSES[group] ?? 'g'

/** ZMPOP takes from the end that stands behind its keys. */
export const popBehindKeys = (args: readonly Buffer[], at: number): string =>
  word(args[at + 1 + Number(args[at])]) === 'MIN' ? 'zpopmin' : 'zpopmax'

/** Whether ZADD adds to the score: its options stand before the first score. */
export function isIncrement(args: readonly Buffer[]): boolean {
  for (let at = 2; at < args.length; at++) {
    const option = word(args[at])
    if (option === 'INCR') return true
    if (!['NX', 'XX', 'GT', 'LT', 'CH'].includes(option)) return false
  }
  return false
}

/** Whether GETEX clears the TTL. */
export const isPersist = (args: readonly Buffer[]): boolean => word(args[2]) === 'PERSIST'

/** The places of keys that are looked for, of those of all keys. */
export type Misses = (indexes: readonly number[], args: readonly Buffer[]) => readonly number[]

/** What only reads looks for all of its keys; a script by itself for none. */
export const missesOf = ({ flags, script }: { flags: string; script?: unknown }): { misses?: Misses } =>
  script === undefined && flags.split(' ').includes('readonly') ? { misses: allKeys } : {}

/** Which keys a command looks for: see `misses` of a row. */
export const allKeys = (indexes: readonly number[]): readonly number[] => indexes
export const noKeys = (): readonly number[] => []
export const firstKey = (indexes: readonly number[]): readonly number[] => indexes.slice(0, 1)
/** All but the foremost, under which the result is kept. */
export const sourceKeys = (indexes: readonly number[]): readonly number[] =>
  indexes.filter((index) => index !== indexes.reduce((a, b) => Math.min(a, b)))
/** Those of SET with GET. */
export const keysOfGet = (indexes: readonly number[], args: readonly Buffer[]): readonly number[] =>
  args.slice(3).some((arg) => word(arg) === 'GET') ? indexes : []
