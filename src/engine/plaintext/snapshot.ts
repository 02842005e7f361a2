import type { Automation } from '../../automation/automation.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { idOf } from '../../lib/id.ts'
import type { LibrarySet } from '../libraries/library.ts'
import type { Listeners } from '../messaging/listeners.ts'
import type { Need } from './extent.ts'
import { NotLoaded } from './not-loaded.ts'
import { StoredKey } from './stored-key.ts'

/** Several keys at one moment. */
export interface Snapshot {
  readonly automation: Automation
  /** The backing Redis's clock, milliseconds since the epoch: the one clock that expiry goes by. */
  readonly now: number
  /** The automation's version, as text. */
  readonly version: string
  /** The latest version that deleted a key whose deletion is no longer remembered by name. */
  readonly forgottenDeletion: number
  /** Which events of its keys the automation wants to be told of. */
  readonly events: string
  readonly keys: ReadonlyMap<string, StoredKey>
  /** Whether every key of the automation is among them. */
  readonly complete: boolean
  /** Not read from Redis: only a guarded commit can tell whether it is so. */
  readonly fromCache: boolean
  /** Reads these too, where a computation can wait for that; else throws NotLoaded. */
  load(needs: readonly Need[]): void
}

/** What stands before the keys in snapshot.lua's answer. */
export const headOf = (reply: readonly BackingReply[]): SnapshotHead => ({
  now: Number((reply[0] as Buffer).toString('latin1')),
  version: (reply[1] as Buffer).toString('latin1'),
  events: (reply[3] as Buffer).toString('latin1'),
})

interface SnapshotHead {
  readonly now: number
  readonly version: string
  readonly events: string
}

/** How many answers stand there. */
export const HEAD_LENGTH = 4

/** INFO's sections: names in lower case, and their lines. */
export type InfoSections = ReadonlyArray<readonly [name: string, lines: readonly string[]]>

/** What a computation may ask of the world beside the automation's keys; undefined: it is not known yet. */
export interface Outside {
  readonly listeners: () => Listeners | undefined
  readonly info: () => InfoSections | undefined
  readonly libraries: () => LibrarySet | undefined
}

export const NOTHING_OUTSIDE: Outside = {
  listeners: () => undefined,
  info: () => undefined,
  libraries: () => undefined,
}

/** What snapshot.lua answered. */
export class LoadedSnapshot implements Snapshot {
  readonly automation: Automation
  readonly now: number
  readonly version: string
  readonly forgottenDeletion: number
  readonly events: string
  readonly complete: boolean
  readonly fromCache = false
  protected readonly stored: Map<string, StoredKey>

  constructor(
    automation: Automation,
    needs: readonly Need[],
    reply: readonly BackingReply[],
    complete = false,
  ) {
    this.automation = automation
    this.complete = complete
    const { now, version, events } = headOf(reply)
    this.events = events
    this.now = now
    this.version = version
    this.forgottenDeletion = Number(reply[2])
    this.stored = new Map(
      needs.map((need, i) => [
        idOf(need.name),
        new StoredKey(automation, need, reply[HEAD_LENGTH + i]!, this.now),
      ]),
    )
  }

  get keys(): ReadonlyMap<string, StoredKey> {
    return this.stored
  }

  load(needs: readonly Need[]): void {
    throw new NotLoaded(needs)
  }
}
