import type { BackingArg } from '../../backing/backing.ts'

/**
 * A native command on one key; the key itself is left out. It comes after the command's one or two words
 * (`XGROUP CREATE`).
 */
export type NativeCommand = readonly [name: string, ...args: BackingArg[]]

/** Lua's unpack takes some thousands of arguments; so no command that we build has more than this. */
const MAX_ARGS = 1_000

/** One command, or several when there are many arguments; `unit` arguments belong together. */
export function inChunks(command: string, args: readonly BackingArg[], unit: number): NativeCommand[] {
  const size = MAX_ARGS - (MAX_ARGS % unit)
  const commands: NativeCommand[] = []
  for (let at = 0; at < args.length; at += size) commands.push([command, ...args.slice(at, at + size)])
  return commands
}
