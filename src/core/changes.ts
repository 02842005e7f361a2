import type { BackingArg } from '../backing/redis.ts'
import { locations } from '../crypto/location.ts'
import { formatDouble } from '../redis/floats.ts'
import type { Slot } from './db.ts'
import type { StoredKey } from './snapshot.ts'
import { streamChanges, wholeStream } from './stream-changes.ts'
import type { Tenant } from './tenant.ts'
import type { Cell, HashValue, ListValue, SetValue, SortedSetValue, Value } from './values.ts'

/** A native command on one key; the key itself is left out. It comes after the command's one or two words (`XGROUP CREATE`). */
export type NativeCommand = readonly [name: string, ...args: BackingArg[]]

/** Lua's unpack takes some thousands of arguments; so no command that we build has more than this. */
const MAX_ARGS = 1_000

/** Most LSET, LINSERT or LREM for one change of a list. */
const MAX_SEEKS = 100

/** The native commands that turn a key as stored into what the computation made of it. */
export function changesOf(tenant: Tenant, stored: StoredKey, slot: Slot): NativeCommand[] {
  const commands: NativeCommand[] = []
  const before = stored.value()
  const after = slot.value
  if (after === undefined) return stored.physical ? [['DEL']] : []
  let expireAt = before === undefined ? 0 : stored.expireAt
  if (after.type === 'string') {
    if (before?.type !== 'string' || before.cell !== after.cell) {
      const keep = before !== undefined && expireAt !== 0 && expireAt === slot.expireAt
      commands.push(['SET', after.cell.sealAt(locations.string(slot.name), tenant.sealer), ...(keep ? ['KEEPTTL'] : [])])
      if (!keep) expireAt = 0
    }
  } else if (before === undefined || slot.fresh || slot.replaced) {
    if (stored.physical) commands.push(['DEL'])
    for (const command of wholeOf(tenant, slot.name, after)) commands.push(command)
    expireAt = 0
  } else if (before !== after) {
    const difference = differenceOf(tenant, slot.name, before, after)
    if (difference === undefined) {
      commands.push(['DEL'])
      for (const command of wholeOf(tenant, slot.name, after)) commands.push(command)
      expireAt = 0
    } else {
      for (const command of difference) commands.push(command)
    }
  }
  if (slot.expireAt !== expireAt) commands.push(slot.expireAt === 0 ? ['PERSIST'] : ['PEXPIREAT', slot.expireAt])
  return commands
}

function wholeOf(tenant: Tenant, name: Buffer, value: Exclude<Value, { type: 'string' }>): NativeCommand[] {
  const { sealer } = tenant
  switch (value.type) {
    case 'list':
      return inChunks('RPUSH', sealedElements(tenant, name, value.cells), 1)
    case 'hash':
      return inChunks('HSET', hashArgs(tenant, name, value.fields.values()), 2)
    case 'set':
      return inChunks('SADD', Array.from(value.members.values(), (member) => sealer.sealMember(member)), 1)
    case 'zset':
      return inChunks('ZADD', scoreArgs(tenant, value.members.values()), 2)
    case 'stream':
      return wholeStream(tenant, name, value)
  }
}

/** The commands that change `before` into `after`, undefined when writing it anew is simpler. */
function differenceOf(tenant: Tenant, name: Buffer, before: Value, after: Value): NativeCommand[] | undefined {
  switch (after.type) {
    case 'list':
      return listDifference(tenant, name, (before as ListValue).cells, after.cells)
    case 'hash':
      return hashDifference(tenant, name, before as HashValue, after)
    case 'set':
      return setDifference(tenant, before as SetValue, after)
    case 'zset':
      return sortedSetDifference(tenant, before as SortedSetValue, after)
    case 'stream':
      return streamChanges(tenant, name, after)
    case 'string':
      return undefined
  }
}

/** Elements are told apart by identity, and in Redis by their ciphertext, which is unique: so LREM and LINSERT hit exactly one. */
function listDifference(tenant: Tenant, name: Buffer, before: readonly Cell[], after: readonly Cell[]): NativeCommand[] | undefined {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before[head] === after[head]) head++
  let tail = 0
  while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  const gone = before.slice(head, before.length - tail)
  const come = after.slice(head, after.length - tail)
  const seal = (cells: readonly Cell[]): Buffer[] => sealedElements(tenant, name, cells)
  if (head + tail === 0 && before.length > 0) return shiftedDifference(seal, before, after)
  if (tail === 0) return [...popped('RPOP', gone.length), ...inChunks('RPUSH', seal(come), 1)]
  if (head === 0) return [...popped('LPOP', gone.length), ...inChunks('LPUSH', seal(come.toReversed()), 1)]
  // Each of these goes through the list in the Redis: above some of them, writing it anew is less work.
  if (come.length > MAX_SEEKS && (gone.length === 0 || come.filter((cell, i) => cell !== gone[i]).length > MAX_SEEKS)) return undefined
  if (gone.length === come.length) {
    const sealed = seal(come)
    return come.flatMap((cell, i): NativeCommand[] => (cell === gone[i] ? [] : [['LSET', head + i, sealed[i]!]]))
  }
  if (gone.length === 0) {
    const [pivot] = seal([after[after.length - tail]!])
    return seal(come).map((sealed): NativeCommand => ['LINSERT', 'BEFORE', pivot!, sealed])
  }
  const kept = new Set(come)
  const removed = gone.filter((cell) => !kept.has(cell))
  const inOrder = gone.filter((cell) => kept.has(cell))
  if (removed.length <= MAX_SEEKS && inOrder.length === come.length && inOrder.every((cell, i) => cell === come[i])) {
    return seal(removed).map((sealed): NativeCommand => ['LREM', 1, sealed])
  }
  return undefined
}

/** Both ends changed, or elements moved: the longest run that stays together is kept, the rest is pushed at its ends. */
function shiftedDifference(
  seal: (cells: readonly Cell[]) => Buffer[],
  before: readonly Cell[],
  after: readonly Cell[],
): NativeCommand[] | undefined {
  const places = new Map(before.map((cell, i) => [cell, i]))
  let best = { at: 0, start: 0, length: 0 }
  for (let at = 0; at < after.length; ) {
    const start = places.get(after[at]!)
    let length = 1
    if (start !== undefined) {
      while (at + length < after.length && start + length < before.length && after[at + length] === before[start + length]) length++
      if (length > best.length) best = { at, start, length }
    }
    at += length
  }
  if (best.length === 0) return undefined
  return [
    ['LTRIM', best.start, best.start + best.length - 1],
    ...inChunks('LPUSH', seal(after.slice(0, best.at).reverse()), 1),
    ...inChunks('RPUSH', seal(after.slice(best.at + best.length)), 1),
  ]
}

// In a collection what comes is written before what goes is deleted: a collection that is empty in between would lose its TTL.

function hashDifference(tenant: Tenant, name: Buffer, before: HashValue, after: HashValue): NativeCommand[] {
  const gone = Array.from(before.fields.entries()).filter(([id]) => !after.fields.has(id))
  const come = Array.from(after.fields.entries()).filter(([id, { cell }]) => before.fields.get(id)?.cell !== cell)
  return [
    ...inChunks('HSET', hashArgs(tenant, name, come.map(([, field]) => field)), 2),
    ...inChunks('HDEL', gone.map(([, field]) => tenant.sealer.sealField(field.name)), 1),
  ]
}

function setDifference(tenant: Tenant, before: SetValue, after: SetValue): NativeCommand[] {
  const seal = (member: Buffer): Buffer => tenant.sealer.sealMember(member)
  const gone = Array.from(before.members.entries()).filter(([id]) => !after.members.has(id))
  const come = Array.from(after.members.entries()).filter(([id]) => !before.members.has(id))
  return [...inChunks('SADD', come.map(([, m]) => seal(m)), 1), ...inChunks('SREM', gone.map(([, m]) => seal(m)), 1)]
}

function sortedSetDifference(tenant: Tenant, before: SortedSetValue, after: SortedSetValue): NativeCommand[] {
  const gone = Array.from(before.members.entries()).filter(([id]) => !after.members.has(id))
  const come = Array.from(after.members.entries()).filter(([id, { score }]) => !Object.is(before.members.get(id)?.score, score))
  return [
    ...inChunks('ZADD', scoreArgs(tenant, come.map(([, scored]) => scored)), 2),
    ...inChunks('ZREM', gone.map(([, { member }]) => tenant.sealer.sealMember(member)), 1),
  ]
}

const sealedElements = (tenant: Tenant, name: Buffer, cells: readonly Cell[]): Buffer[] => {
  const location = locations.element(name)
  return cells.map((cell) => cell.sealAt(location, tenant.sealer))
}

function hashArgs({ sealer }: Tenant, name: Buffer, fields: Iterable<{ name: Buffer; cell: Cell }>): BackingArg[] {
  const args: BackingArg[] = []
  for (const field of fields) args.push(sealer.sealField(field.name), field.cell.sealAt(locations.hashValue(name, field.name), sealer))
  return args
}

function scoreArgs({ sealer }: Tenant, members: Iterable<{ member: Buffer; score: number }>): BackingArg[] {
  const args: BackingArg[] = []
  for (const { member, score } of members) args.push(formatDouble(score), sealer.sealMember(member))
  return args
}

const popped = (command: 'LPOP' | 'RPOP', count: number): NativeCommand[] => (count === 0 ? [] : [[command, count]])

/** One command, or several when there are many arguments; `unit` arguments belong together. */
function inChunks(command: string, args: readonly BackingArg[], unit: number): NativeCommand[] {
  const size = MAX_ARGS - (MAX_ARGS % unit)
  const commands: NativeCommand[] = []
  for (let at = 0; at < args.length; at += size) commands.push([command, ...args.slice(at, at + size)])
  return commands
}
