import type { Listeners } from '../messaging/listeners.ts'

/** INFO's sections: names in lower case, and their lines. */
export type InfoSections = ReadonlyArray<readonly [name: string, lines: readonly string[]]>

/** What a computation may ask of the world beside the automation's keys; undefined: it is not known yet. */
export interface Outside {
  readonly listeners: () => Listeners | undefined
  readonly info: () => InfoSections | undefined
}

export const NOTHING_OUTSIDE: Outside = { listeners: () => undefined, info: () => undefined }
