import { LRUCache } from 'lru-cache'

/** A command that took as long is noted: Redis's own default, in ms. */
export const SLOW_MS = 10
/** Entries of one automation; the oldest goes. */
export const MAX_ENTRIES = 64
/** Automations that have a log; that of the one that was longest not slow goes. Together some 24 MB. */
const MAX_AUTOMATIONS = 200
const MAX_ARGUMENTS = 8
const MAX_ARGUMENT_BYTES = 128

export interface SlowCommand {
  readonly id: number
  /** When it ended, in seconds since the epoch. */
  readonly at: number
  readonly microseconds: number
  /** As much of them as is kept. */
  readonly args: readonly Buffer[]
  readonly address: string
  readonly clientName: string
}

interface SlowLog {
  nextId: number
  /** The oldest first. */
  entries: SlowCommand[]
}

/** Copies, since the arguments lie in what was received. */
const cut = (arg: Buffer): Buffer =>
  arg.length <= MAX_ARGUMENT_BYTES
    ? Buffer.from(arg)
    : Buffer.concat([
        arg.subarray(0, MAX_ARGUMENT_BYTES),
        Buffer.from(`... (${arg.length - MAX_ARGUMENT_BYTES} more bytes)`),
      ])

const shortened = (args: readonly Buffer[]): Buffer[] =>
  args.length <= MAX_ARGUMENTS
    ? args.map(cut)
    : [
        ...args.slice(0, MAX_ARGUMENTS - 1).map(cut),
        Buffer.from(`... (${args.length - MAX_ARGUMENTS + 1} more arguments)`),
      ]

/** The slow commands of each automation on RESP in this process, for SLOWLOG. */
export class SlowLogs {
  private readonly logs = new LRUCache<string, SlowLog>({ max: MAX_AUTOMATIONS })

  add(
    automationId: string,
    args: readonly Buffer[],
    ms: number,
    { address, name }: { readonly address: string; readonly name: string },
  ): void {
    const log = this.logs.get(automationId) ?? { nextId: 0, entries: [] }
    this.logs.set(automationId, log)
    log.entries.push({
      id: log.nextId++,
      at: Math.floor(Date.now() / 1_000),
      microseconds: Math.round(ms * 1_000),
      args: shortened(args),
      address,
      clientName: name,
    })
    if (log.entries.length > MAX_ENTRIES) log.entries.shift()
  }

  /** The oldest first. */
  of(automationId: string): readonly SlowCommand[] {
    return this.logs.get(automationId)?.entries ?? []
  }

  reset(automationId: string): void {
    const log = this.logs.get(automationId)
    if (log !== undefined) log.entries = []
  }
}
