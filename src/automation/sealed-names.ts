import { Buffer } from 'node:buffer'
import { RecentMap } from '../lib/recent-map.ts'

/** Of all automations together, in bytes, estimated. */
const CACHE_SIZE = 16 * 1024 * 1024
/** What an entry takes besides its texts. */
const ENTRY_BYTES = 320
/** A longer one, open or sealed, is worked out each time, so that it cannot push out hundreds of others. */
const LONGEST_CACHED = 512

/** One for the process, so that its bound holds however many automations there are. */
const cache = new RecentMap<string>(CACHE_SIZE, (value, key) => ENTRY_BYTES + key.length + value.length)

let count = 0

/**
 * Names of one kind (fields of hashes, members of sets) of one automation, which are sealed so that equal
 * names stay equal, and so need not be sealed or opened twice. Both directions are remembered as latin1
 * strings, of which nobody can change what others get.
 */
export class Names {
  readonly #prefix = `${++count}:`
  readonly #seal: (bytes: Buffer) => Buffer
  readonly #open: (sealed: Buffer) => Buffer

  constructor(seal: (bytes: Buffer) => Buffer, open: (sealed: Buffer) => Buffer) {
    this.#seal = seal
    this.#open = open
  }

  seal(bytes: Buffer): Buffer {
    return this.#remembered('s', bytes, this.#seal)
  }

  open(sealed: Buffer): Buffer {
    return this.#remembered('o', sealed, this.#open)
  }

  #remembered(direction: string, bytes: Buffer, make: (bytes: Buffer) => Buffer): Buffer {
    const key = this.#prefix + direction + bytes.toString('latin1')
    const known = cache.get(key)
    if (known !== undefined) return Buffer.from(known, 'latin1')
    const made = make(bytes)
    if (bytes.length <= LONGEST_CACHED && made.length <= LONGEST_CACHED)
      cache.set(key, made.toString('latin1'))
    return made
  }
}
