import type { Location } from '../../automation/location.ts'
import type { Sealer } from '../../automation/sealer.ts'
import { stringContent } from '../../json/document.ts'
import { NotLoaded } from './not-loaded.ts'

/** What a sealed value holds: bytes as RESP writes them, or the text of a JSON document as REST writes it. */
export interface Plain {
  readonly bytes: Buffer
  readonly json: boolean
}

const QUOTE = 0x22

/**
 * The bytes that a RESP client sees: a JSON string shows as its bare characters, any other document as its
 * text.
 */
export const respBytes = (plain: Plain): Buffer =>
  plain.json && plain.bytes[0] === QUOTE ? Buffer.from(stringContent(plain.bytes.toString())) : plain.bytes

export const bytesOf = (bytes: Buffer): Plain => ({ bytes, json: false })

/**
 * One sealed unit: a whole string, a list element, a hash value. It is opened when first looked at and sealed
 * when first written, and keeps its ciphertext as an exact handle on what lies in Redis. A ciphertext is
 * bound to its place: anyone who puts a cell under another key or field uses `copy`, which leaves the
 * ciphertext behind.
 */
export class Cell {
  private plain: Plain | undefined
  private visible: Buffer | undefined
  private sealed: Buffer | undefined
  private unseenIn: Buffer | undefined
  private isRaw = false
  private readonly location: Location | undefined
  private readonly sealer: Sealer | undefined

  private constructor(plain: Plain | undefined, sealed?: Buffer, location?: Location, sealer?: Sealer) {
    this.plain = plain
    this.sealed = sealed
    this.location = location
    this.sealer = sealer
  }

  static of(plain: Plain): Cell {
    return new Cell(plain)
  }

  static bytes(bytes: Buffer): Cell {
    return new Cell({ bytes, json: false })
  }

  static stored(sealed: Buffer, location: Location, sealer: Sealer): Cell {
    return new Cell(undefined, sealed, location, sealer)
  }

  /** An element in the middle of a list of which only the ends were loaded: looking at it loads the rest. */
  static unseen(key: Buffer): Cell {
    const cell = new Cell(undefined)
    cell.unseenIn = key
    return cell
  }

  /**
   * Kept as it is, in the clear and under any key: a HyperLogLog sketch, which holds nothing but keyed
   * hashes.
   */
  static raw(bytes: Buffer): Cell {
    const cell = new Cell({ bytes, json: false }, bytes)
    cell.isRaw = true
    return cell
  }

  /** Throws `unreadable` when the ciphertext is damaged or lies in a wrong place. */
  open(): Plain {
    if (this.unseenIn !== undefined) throw new NotLoaded([{ name: this.unseenIn, extent: 'all' }])
    this.plain ??= this.sealer!.open(this.location!, this.sealed!)
    return this.plain
  }

  /** As RESP shows it. */
  get bytes(): Buffer {
    this.visible ??= respBytes(this.open())
    return this.visible
  }

  /** What it holds, if it has been opened and is kept sealed. */
  get known(): Plain | undefined {
    return this.isRaw ? undefined : this.plain
  }

  sealAt(location: Location, sealer: Sealer): Buffer {
    if (this.sealed === undefined) {
      const { bytes, json } = this.open()
      this.sealed = sealer.seal(location, bytes, json)
    }
    return this.sealed
  }

  copy(): Cell {
    return this.isRaw ? this : new Cell(this.open())
  }
}
