import type { Automation } from '../../automation/automation.ts'
import { type Location, locations } from '../../automation/location.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { idOf } from '../../lib/id.ts'
import { readDouble } from '../../redis-semantics/floats.ts'
import { Cell } from './cell.ts'
import { type Extent, isEnds, isFields, type Need, type Part, partOf } from './extent.ts'
import { stringCell } from './stored-string.ts'
import { loadStream, loadTail } from './stream-load.ts'
import { type HashField, isValueType, Unseen, type Value } from './values.ts'

const STRING = Buffer.from('string')
const NEVER = Buffer.from('0')

/** A key as the backing Redis had it at the moment of a snapshot. */
export class StoredKey {
  readonly name: Buffer
  /** How much of it was read. */
  readonly extent: Extent
  /** Version of the last write to it, '0' when it is absent. */
  readonly version: string
  /** What a commit that builds on it is guarded by. */
  guard: string
  /** Milliseconds since the epoch, 0 when it does not exist. */
  readonly createdAt: number
  readonly updatedAt: number
  /** Milliseconds since the epoch, 0 without a TTL. */
  readonly expireAt: number
  /** Whether Redis holds anything under the name, even if it is about to expire. */
  readonly physical: boolean
  readonly live: boolean
  /** Its time is over, and nobody has told of that. */
  readonly expired: boolean
  /** Bytes that it is charged with, at most; undefined when that was not read. */
  readonly charge: number | undefined
  readonly type: string
  /** Version that deleted it, 0 when it was not deleted lately or is there. */
  readonly deletedBy: number
  private readonly data: BackingReply
  private readonly automation: Automation
  private opened: Value | Unseen | undefined
  private parts: ReadonlySet<string> | undefined
  private earlier: ReadonlyMap<string, HashField> | undefined

  constructor(automation: Automation, need: Need, raw: BackingReply, now: number) {
    const [entry, type, data, deletedBy] = raw as [Buffer | null, Buffer, BackingReply, Buffer]
    this.automation = automation
    this.name = need.name
    this.type = type.toString()
    const whole = wholeOfPart(need.extent, data)
    this.extent = whole === undefined ? need.extent : 'all'
    this.data = whole ?? data
    this.deletedBy = Number(deletedBy)
    this.physical = this.type !== 'none'
    const [createdAt = '0', updatedAt = '0', version = '0', expireAt = '0', charge] =
      entry === null ? [] : entry.toString('latin1').split(':')
    // A moment beyond what is exact, which Redis takes as a native argument, would come back as one that it
    // refuses.
    this.expireAt = Math.min(Number(expireAt), Number.MAX_SAFE_INTEGER)
    this.live = this.physical && (this.expireAt === 0 || this.expireAt >= now)
    this.expired = entry !== null && this.expireAt !== 0 && this.expireAt < now
    this.version = this.live ? version : '0'
    this.guard = this.version
    this.charge = charge === undefined ? undefined : Math.abs(Number(charge))
    this.createdAt = Number(createdAt)
    this.updatedAt = Number(updatedAt)
  }

  /** A string without a TTL, as a commit left it. Times are in milliseconds since the epoch. */
  static written(
    automation: Automation,
    name: Buffer,
    cell: Cell,
    version: number,
    createdAt: number,
    updatedAt: number,
  ): StoredKey {
    const entry = Buffer.from(`${createdAt}:${updatedAt}:${version}:0`)
    const key = new StoredKey(automation, { name, extent: 'all' }, [entry, STRING, null, NEVER], updatedAt)
    key.opened = { type: 'string', cell }
    // Versions begin again when the Redis is emptied; a version at a certain moment does not come twice.
    key.guard = entry.toString('latin1')
    return key
  }

  /** Whether as much of it was read as `extent` says. */
  covers(extent: Extent): boolean {
    const has = this.extent
    if (!this.physical || has === 'all' || extent === 'meta') return true
    if (has === 'meta') return false
    if (isEnds(has)) return this.type !== 'list' || extent === 'ends' || extent === has
    if (has === 'tail') return this.type !== 'stream' || extent === 'tail'
    const { of } = partOf(has) as Part
    if (this.type !== of) return true
    const asked = partOf(extent)
    if (typeof asked === 'string' || isFields(asked) || asked.of !== of) return false
    return asked.names.every((name) => this.partIds.has(idOf(name)))
  }

  private get partIds(): ReadonlySet<string> {
    this.parts ??= new Set((partOf(this.extent) as Part).names.map(idOf))
    return this.parts
  }

  /** Whether this field or member is among those that were read of it. */
  hasPart(name: Buffer): boolean {
    const part = partOf(this.extent)
    return typeof part === 'string' || isFields(part) || this.partIds.has(idOf(name))
  }

  /** Cells of fields that were read before, at the same version: compared by identity they are equal. */
  keepCells({ opened }: StoredKey): void {
    if (opened instanceof Unseen === false && opened?.type === 'hash') this.earlier = opened.fields
  }

  /**
   * The contents, undefined when the key does not exist. Opened at the first look: what no command looks at
   * is never decrypted.
   */
  value(): Value | Unseen | undefined {
    if (!this.live) return undefined
    this.opened ??= this.extent === 'meta' ? this.unseen() : this.read()
    return this.opened
  }

  private unseen(): Unseen {
    if (!isValueType(this.type)) throw new Error(`a key of type ${this.type} cannot be loaded`)
    return new Unseen(this.type)
  }

  private read(): Value {
    const { automation, name, data } = this
    const { sealer } = automation
    // A key of another type than the one that the part is of was read whole.
    const part = typeof this.extent === 'string' ? undefined : (partOf(this.extent) as Part)
    switch (this.type) {
      case 'string':
        return { type: 'string', cell: stringCell(automation, name, data as Buffer) }
      case 'list': {
        const location = locations.element(name)
        if (isEnds(this.extent)) return this.readEnds(location)
        return {
          type: 'list',
          cells: (data as Buffer[]).map((sealed) => Cell.stored(sealed, location, sealer)),
        }
      }
      case 'hash':
        return part?.of === 'hash' ? this.readFields(part) : this.readHash()
      case 'set': {
        const members = (data as Buffer[]).map((sealed) => sealer.openMember(sealed))
        return { type: 'set', members: new Map(members.map((member) => [idOf(member), member])) }
      }
      case 'zset': {
        if (part?.of === 'zset') return this.readScores(part)
        const members = new Map<string, { member: Buffer; score: number }>()
        const flat = data as Buffer[]
        for (let i = 0; i < flat.length; i += 2) {
          const member = sealer.openMember(flat[i]!)
          members.set(idOf(member), { member, score: readDouble(flat[i + 1]!) })
        }
        return { type: 'zset', members, partial: undefined }
      }
      case 'stream': {
        const location = locations.streamValue(name)
        const cellOf = (sealed: Buffer): Cell => Cell.stored(sealed, location, sealer)
        return this.extent === 'tail' ? loadTail(name, data, cellOf) : loadStream(data, cellOf)
      }
      default:
        throw new Error(`a key of type ${this.type} cannot be loaded`)
    }
  }

  private readEnds(location: Location): Value {
    const { name } = this
    const [head, length, tail] = this.data as [Buffer[], number, Buffer[]]
    const cell = (sealed: Buffer): Cell => Cell.stored(sealed, location, this.automation.sealer)
    const between = Array.from({ length: length - head.length - tail.length }, () => Cell.unseen(name))
    return { type: 'list', cells: [...head.map(cell), ...between, ...tail.map(cell)] }
  }

  private readHash(): Value {
    const { sealer } = this.automation
    const flat = this.data as Buffer[]
    const fields = new Map<string, { name: Buffer; cell: Cell }>()
    for (let i = 0; i < flat.length; i += 2) {
      const field = sealer.openField(flat[i]!)
      fields.set(idOf(field), this.fieldOf(field, flat[i + 1]!))
    }
    return { type: 'hash', fields, partial: undefined }
  }

  private readScores({ names }: Part): Value {
    const data = this.data as (Buffer | null | number)[]
    const members = new Map<string, { member: Buffer; score: number }>()
    names.forEach((member, i) => {
      const score = data[i] as Buffer | null
      if (score !== null) members.set(idOf(member), { member, score: readDouble(score) })
    })
    return { type: 'zset', members, partial: data[names.length] as number }
  }

  private readFields({ names: wanted }: Part): Value {
    const data = this.data as (Buffer | null | number)[]
    const fields = new Map<string, { name: Buffer; cell: Cell }>()
    wanted.forEach((field, i) => {
      const sealed = data[i] as Buffer | null
      if (sealed !== null) fields.set(idOf(field), this.fieldOf(field, sealed))
    })
    return { type: 'hash', fields, partial: data[wanted.length] as number }
  }

  private fieldOf(name: Buffer, sealed: Buffer): HashField {
    const cell = (): Cell => Cell.stored(sealed, locations.hashValue(this.name, name), this.automation.sealer)
    return this.earlier?.get(idOf(name)) ?? { name, cell: cell() }
  }
}

/** Of a key of which a part was wanted, but which was read whole, that; a list of one list says so. */
function wholeOfPart(extent: Extent, data: BackingReply): BackingReply | undefined {
  if (extent !== 'tail' && (typeof extent === 'string' || isFields(extent))) return undefined
  return Array.isArray(data) && data.length === 1 && Array.isArray(data[0]) ? data[0] : undefined
}
