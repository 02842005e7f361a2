import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'
import type { BackingArg } from '../../backing/backing.ts'
import { formatDouble } from '../../redis-semantics/floats.ts'
import type { Cell } from '../plaintext/cell.ts'
import type { KeyState } from '../plaintext/database.ts'
import type { StoredKey } from '../plaintext/stored-key.ts'
import {
  type HashValue,
  type ListValue,
  type SetValue,
  type SortedSetValue,
  Unseen,
  type Value,
} from '../plaintext/values.ts'
import { inChunks, type NativeCommand } from '../writes/native-command.ts'
import { listDifference, sealedElements } from './list-changes.ts'
import { streamChanges, wholeStream } from './stream-changes.ts'

/**
 * The native commands that turn a key as stored into what the computation made of it. `streamCounters`: see
 * `hasStreamCounters`.
 */
export function changesOf(
  automation: Automation,
  stored: StoredKey,
  state: KeyState,
  streamCounters: boolean,
): NativeCommand[] {
  const commands: NativeCommand[] = []
  const before = stored.value()
  const after = state.value
  if (after === undefined) return stored.physical ? [['UNLINK']] : []
  let expireAt = before === undefined ? 0 : stored.expireAt
  if (after instanceof Unseen) {
    // Nobody looked at the contents, so nobody changed them.
  } else if (after.type === 'string') {
    if (before instanceof Unseen || before?.type !== 'string' || before.cell !== after.cell) {
      const keep = before !== undefined && expireAt !== 0 && expireAt === state.expireAt
      commands.push([
        'SET',
        after.cell.sealAt(locations.string(state.name), automation.sealer),
        ...(keep ? ['KEEPTTL'] : []),
      ])
      if (!keep) expireAt = 0
    }
  } else if (before === undefined || before instanceof Unseen || state.fresh || state.replaced) {
    if (stored.physical) commands.push(['UNLINK'])
    for (const command of wholeOf(automation, state.name, after, streamCounters)) commands.push(command)
    expireAt = 0
  } else if (before !== after) {
    const difference = differenceOf(automation, state.name, before, after, streamCounters)
    if (difference === undefined) {
      commands.push(['UNLINK'])
      for (const command of wholeOf(automation, state.name, after, streamCounters)) commands.push(command)
      expireAt = 0
    } else {
      for (const command of difference) commands.push(command)
    }
  }
  if (state.expireAt !== expireAt)
    commands.push(state.expireAt === 0 ? ['PERSIST'] : ['PEXPIREAT', state.expireAt])
  return commands
}

function wholeOf(
  automation: Automation,
  name: Buffer,
  value: Exclude<Value, { type: 'string' }>,
  streamCounters: boolean,
): NativeCommand[] {
  const { sealer } = automation
  switch (value.type) {
    case 'list':
      return inChunks('RPUSH', sealedElements(automation, name, value.cells), 1)
    case 'hash':
      return inChunks('HSET', hashArgs(automation, name, value.fields.values()), 2)
    case 'set':
      return inChunks(
        'SADD',
        Array.from(value.members.values(), (member) => sealer.sealMember(member)),
        1,
      )
    case 'zset':
      return inChunks('ZADD', scoreArgs(automation, value.members.values()), 2)
    case 'stream':
      return wholeStream(automation, name, value, streamCounters)
  }
}

/** The commands that change `before` into `after`, undefined when writing it anew is simpler. */
function differenceOf(
  automation: Automation,
  name: Buffer,
  before: Value,
  after: Value,
  streamCounters: boolean,
): NativeCommand[] | undefined {
  switch (after.type) {
    case 'list':
      return listDifference(automation, name, (before as ListValue).cells, after.cells)
    case 'hash':
      return hashDifference(automation, name, before as HashValue, after)
    case 'set':
      return setDifference(automation, before as SetValue, after)
    case 'zset':
      return sortedSetDifference(automation, before as SortedSetValue, after)
    case 'stream':
      return streamChanges(automation, name, after, streamCounters)
    case 'string':
      return undefined
  }
}

// In a collection what comes is written before what goes is deleted: a collection that is empty in between
// would lose its TTL.

function hashDifference(
  automation: Automation,
  name: Buffer,
  before: HashValue,
  after: HashValue,
): NativeCommand[] {
  const gone = Array.from(before.fields.entries()).filter(([id]) => !after.fields.has(id))
  const come = Array.from(after.fields.entries()).filter(
    ([id, { cell }]) => before.fields.get(id)?.cell !== cell,
  )
  return [
    ...inChunks(
      'HSET',
      hashArgs(
        automation,
        name,
        come.map(([, field]) => field),
      ),
      2,
    ),
    ...inChunks(
      'HDEL',
      gone.map(([, field]) => automation.sealer.sealField(field.name)),
      1,
    ),
  ]
}

function setDifference(automation: Automation, before: SetValue, after: SetValue): NativeCommand[] {
  const seal = (member: Buffer): Buffer => automation.sealer.sealMember(member)
  const gone = Array.from(before.members.entries()).filter(([id]) => !after.members.has(id))
  const come = Array.from(after.members.entries()).filter(([id]) => !before.members.has(id))
  return [
    ...inChunks(
      'SADD',
      come.map(([, m]) => seal(m)),
      1,
    ),
    ...inChunks(
      'SREM',
      gone.map(([, m]) => seal(m)),
      1,
    ),
  ]
}

function sortedSetDifference(
  automation: Automation,
  before: SortedSetValue,
  after: SortedSetValue,
): NativeCommand[] {
  const gone = Array.from(before.members.entries()).filter(([id]) => !after.members.has(id))
  const come = Array.from(after.members.entries()).filter(
    ([id, { score }]) => !Object.is(before.members.get(id)?.score, score),
  )
  return [
    ...inChunks(
      'ZADD',
      scoreArgs(
        automation,
        come.map(([, scored]) => scored),
      ),
      2,
    ),
    ...inChunks(
      'ZREM',
      gone.map(([, { member }]) => automation.sealer.sealMember(member)),
      1,
    ),
  ]
}

function hashArgs(
  { sealer }: Automation,
  name: Buffer,
  fields: Iterable<{ name: Buffer; cell: Cell }>,
): BackingArg[] {
  const args: BackingArg[] = []
  for (const field of fields)
    args.push(sealer.sealField(field.name), field.cell.sealAt(locations.hashValue(name, field.name), sealer))
  return args
}

function scoreArgs(
  { sealer }: Automation,
  members: Iterable<{ member: Buffer; score: number }>,
): BackingArg[] {
  const args: BackingArg[] = []
  for (const { member, score } of members) args.push(formatDouble(score), sealer.sealMember(member))
  return args
}
