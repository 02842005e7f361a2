import { type BackingArg, isBackingKey } from '../backing/backing.ts'
import { idOf } from '../lib/id.ts'

/** What replies to a command are taken for until the first has come: few are on their way until then. */
const UNKNOWN_BYTES = 2 * 1024 * 1024
/** A first one that is alone is taken for small: nobody should wait for others with a first request. */
const FIRST_BYTES = 32 * 1024
/** How fast a large reply is forgotten when smaller ones of the command follow. */
const DECAY = 0.9
/** Replies from this size on are remembered by their key. */
const LARGE_BYTES = 16 * 1024
/** So many keys are remembered of one automation; the size is halved when it was not seen for so long. */
const MOST_KEYS = 1_024
const HALF_LIFE_MS = 5_000

/** What replies to one command measured lately. */
export interface CommandSize {
  readonly command: string
  bytes: number
  isKnown: boolean
}

interface Remembered {
  readonly bytes: number
  readonly at: number
}

/**
 * What the replies of the backing Redis to one automation measured, to know what the next will: by command,
 * and for keys that gave large replies by key too, since small replies of others say nothing about them.
 */
export class ReplySizes {
  private readonly byCommand = new Map<string, CommandSize>()
  private last: CommandSize | undefined
  private readonly byKey = new Map<string, Remembered>()
  private readonly clock: () => number

  /** `clock` answers milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.clock = clock
  }

  of(command: string): CommandSize {
    if (this.last?.command === command) return this.last
    let size = this.byCommand.get(command)
    if (size === undefined) {
      size = { command, bytes: UNKNOWN_BYTES, isKnown: false }
      this.byCommand.set(command, size)
    }
    this.last = size
    return size
  }

  /**
   * Bytes that the reply will probably have. `key` is undefined for a command without one. `isAlone`: nothing
   * else of the automation is on its way.
   */
  expected({ bytes: usual, isKnown }: CommandSize, key: BackingArg | undefined, isAlone: boolean): number {
    const bytes = !isKnown && isAlone ? FIRST_BYTES : usual
    if (this.byKey.size === 0 || key === undefined || !isBackingKey(key)) return bytes
    return Math.max(bytes, this.remembered(idOf(key.name)))
  }

  /** A reply has come. */
  learn(size: CommandSize, key: BackingArg | undefined, bytes: number): void {
    if (!size.isKnown) {
      size.isKnown = true
      size.bytes = bytes
    }
    if (bytes !== size.bytes) size.bytes = Math.max(bytes, Math.floor(size.bytes * DECAY))
    if (bytes < LARGE_BYTES || key === undefined || !isBackingKey(key)) return
    const id = idOf(key.name)
    const known = this.remembered(id)
    this.byKey.delete(id)
    this.byKey.set(id, { bytes: Math.max(bytes, known), at: this.clock() })
    if (this.byKey.size <= MOST_KEYS) return
    const [oldest] = this.byKey.keys()
    this.byKey.delete(oldest!)
  }

  private remembered(id: string): number {
    const known = this.byKey.get(id)
    if (known === undefined) return 0
    const bytes = Math.floor(known.bytes * 0.5 ** ((this.clock() - known.at) / HALF_LIFE_MS))
    if (bytes >= LARGE_BYTES) return bytes
    this.byKey.delete(id)
    return 0
  }
}
