/** A power of 2. */
const PLACES = 64
/** Longer names are not kept. */
const LONGEST = 16

interface Known<T> {
  readonly bytes: Buffer
  readonly value: T
}

/**
 * What the names of commands stand for that were used lately, found by their bytes as they came: a string
 * made of each took a twentieth of the time of a pipelined GET. One name has one place, and drives out who
 * stands there.
 */
export class LatestNames<T> {
  private readonly places = new Array<Known<T> | undefined>(PLACES).fill(undefined)

  of(name: Buffer): T | undefined {
    const known = this.places[placeOf(name)]
    if (known === undefined) return undefined
    const { bytes, value } = known
    if (bytes.length !== name.length) return undefined
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== name[i]) return undefined
    return value
  }

  keep(name: Buffer, value: T): void {
    if (name.length <= LONGEST) this.places[placeOf(name)] = { bytes: Buffer.from(name), value }
  }
}

function placeOf(name: Buffer): number {
  const { length } = name
  return (name[0]! * 7 + name[length - 1]! * 5 + length * 3) & (PLACES - 1)
}
