import type { Reader } from './readers.ts'

/** One setting: everything that the check, `--help` and the docs need to know about it. */
export interface Setting<T = unknown> {
  /** The name in the environment and in a `--config` file. */
  readonly name: string
  /** Its problem is told without the text when the setting is secret. */
  readonly read: Reader<T>
  /** As it would be written; `undefined` when there is none. */
  readonly default: string | undefined
  readonly unit: 'bytes' | 'ms' | 'keys' | 'elements' | 'connections' | undefined
  readonly example: string
  readonly help: string
  readonly secret: boolean
  /** Production refuses to start without it. */
  readonly production: boolean
  readonly aliases: readonly string[]
}

type Facts = Partial<Pick<Setting, 'unit' | 'example' | 'secret' | 'production' | 'aliases'>>

const PLAIN = { unit: undefined, secret: false, production: false, aliases: [] } as const

export const setting = <T>(
  name: string,
  read: Reader<T>,
  preset: string,
  help: string,
  facts: Facts = {},
): Setting<T> => ({
  name,
  read,
  default: preset,
  help,
  example: preset,
  ...PLAIN,
  ...facts,
})

export const optional = <T>(
  name: string,
  read: Reader<T>,
  help: string,
  facts: Facts & { example: string },
): Setting<T | undefined> => ({ name, read, default: undefined, help, ...PLAIN, ...facts })
