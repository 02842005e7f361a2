import { locations } from '../../automation/location.ts'
import type { Sealer } from '../../automation/sealer.ts'
import { Cell } from '../../engine/plaintext/cell.ts'
import type { StreamGroup, StreamValue } from '../../engine/plaintext/stream-value.ts'
import type { Value } from '../../engine/plaintext/values.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { type Flat, flatten, unflatten } from '../../protocol/flat.ts'
import type { DecodedReply } from '../../protocol/reply-decoder.ts'
import { formatDouble, readDouble } from '../../redis-semantics/floats.ts'

// The payload of DUMP: a value's type and contents, laid flat and sealed by its automation. The place that it
// is sealed for names this format, so nothing else that was sealed can be taken for a payload, and neither
// can one of another version or of another automation.

const PLACE = locations.record('dump 1')

/** A document, a sketch that the backing Redis reads itself, or other bytes. */
type CellForm = 'j' | 'r' | 'b'

const cellParts = (cell: Cell): [CellForm, Buffer] => {
  const { bytes, json } = cell.open()
  // An open cell is known, unless it is kept in the clear.
  if (cell.known === undefined) return ['r', bytes]
  return [json ? 'j' : 'b', bytes]
}

/** Reads values one after the other. */
class Reader {
  private readonly values: readonly DecodedReply[]
  private at = 0

  constructor(values: readonly DecodedReply[]) {
    this.values = values
  }

  get hasMore(): boolean {
    return this.at < this.values.length
  }

  bytes(): Buffer {
    return this.values[this.at++] as Buffer
  }

  text(): string {
    return this.bytes().toString('latin1')
  }

  count(): number {
    return Number(this.text())
  }

  /** `read` as often as a count before it says. */
  many<T>(read: () => T): T[] {
    return Array.from({ length: this.count() }, read)
  }

  cell(): Cell {
    const form = this.text()
    const bytes = this.bytes()
    return form === 'r' ? Cell.raw(bytes) : Cell.of({ bytes, json: form === 'j' })
  }
}

const groupParts = ({ name, lastId, entriesRead, consumers, pending }: StreamGroup): Flat[] => [
  name,
  `${lastId}`,
  `${entriesRead}`,
  `${consumers.size}`,
  ...Array.from(consumers.values()).flatMap((consumer) => [consumer.name, `${consumer.seenTime}`]),
  `${pending.size}`,
  ...Array.from(pending).flatMap(([id, { consumer, time, count }]) => [
    `${id}`,
    Buffer.from(consumer, 'latin1'),
    `${time}`,
    `${count}`,
  ]),
]

const streamParts = ({ entries, lastId, maxDeletedId, entriesAdded, groups }: StreamValue): Flat[] => [
  `${lastId}`,
  `${maxDeletedId}`,
  `${entriesAdded}`,
  `${entries.length}`,
  ...entries.flatMap(({ id, cell }) => [`${id}`, cell.bytes]),
  `${groups.size}`,
  ...Array.from(groups.values()).flatMap(groupParts),
]

function partsOf(value: Value): Flat[] {
  switch (value.type) {
    case 'string':
      return cellParts(value.cell)
    case 'list':
      return value.cells.flatMap(cellParts)
    case 'hash':
      return Array.from(value.fields.values()).flatMap(({ name, cell }) => [name, ...cellParts(cell)])
    case 'set':
      return [...value.members.values()]
    case 'zset':
      return Array.from(value.members.values()).flatMap(({ member, score }) => [member, formatDouble(score)])
    case 'stream':
      return streamParts(value)
  }
}

function readGroup(reader: Reader): StreamGroup {
  return {
    name: reader.bytes(),
    lastId: BigInt(reader.text()),
    entriesRead: BigInt(reader.text()),
    consumers: new Map(
      reader.many(() => {
        const name = reader.bytes()
        return [idOf(name), { name, seenTime: reader.count() }]
      }),
    ),
    pending: new Map(
      reader.many(() => [
        BigInt(reader.text()),
        { consumer: reader.text(), time: reader.count(), count: BigInt(reader.text()) },
      ]),
    ),
  }
}

const readStream = (reader: Reader): StreamValue => ({
  type: 'stream',
  lastId: BigInt(reader.text()),
  maxDeletedId: BigInt(reader.text()),
  entriesAdded: BigInt(reader.text()),
  entries: reader.many(() => ({ id: BigInt(reader.text()), cell: Cell.bytes(reader.bytes()) })),
  groups: new Map(
    reader.many(() => {
      const group = readGroup(reader)
      return [idOf(group.name), group]
    }),
  ),
  log: [],
})

const rest = function* <T>(reader: Reader, read: () => T): Generator<T> {
  while (reader.hasMore) yield read()
}

function readValue(type: string, reader: Reader): Value | undefined {
  switch (type) {
    case 'string':
      return { type, cell: reader.cell() }
    case 'list':
      return { type, cells: [...rest(reader, () => reader.cell())] }
    case 'hash': {
      const fields = rest(reader, () => ({ name: reader.bytes(), cell: reader.cell() }))
      return {
        type,
        fields: new Map([...fields].map((field) => [idOf(field.name), field])),
        partial: undefined,
      }
    }
    case 'set': {
      const members = rest(reader, () => reader.bytes())
      return { type, members: new Map([...members].map((member) => [idOf(member), member])) }
    }
    case 'zset': {
      const members = rest(reader, () => ({ member: reader.bytes(), score: readDouble(reader.bytes()) }))
      return {
        type,
        members: new Map([...members].map((scored) => [idOf(scored.member), scored])),
        partial: undefined,
      }
    }
    case 'stream':
      return readStream(reader)
    default:
      return undefined
  }
}

/** `checkLength` is asked for the bytes of the payload, before it is sealed, and may throw. */
export function serialized(sealer: Sealer, value: Value, checkLength: (bytes: number) => void): Buffer {
  const parts = partsOf(value)
  const bytes = parts.reduce<number>((sum, part) => sum + (part as Buffer | string).length, 0)
  checkLength(Math.ceil((bytes * 4) / 3))
  const payload = sealer.seal(PLACE, flatten([value.type, ...parts]), false)
  checkLength(payload.length)
  return payload
}

/** Throws `dump_payload` for whatever `serialized` did not make for this automation. */
export function deserialized(sealer: Sealer, payload: Buffer): Value {
  let plain: Buffer
  try {
    plain = sealer.open(PLACE, payload).bytes
  } catch (error) {
    if (error instanceof KvError && error.code === 'unreadable') throw new KvError('dump_payload')
    throw error
  }
  const [type, ...values] = unflatten(plain)
  const value = readValue(String(type), new Reader(values))
  if (value === undefined) throw new KvError('dump_payload')
  return value
}
