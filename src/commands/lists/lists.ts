import { locations } from '../../automation/location.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { Cell, respBytes } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { creates, leaves, nativeWrite } from '../../engine/writes/native-write.ts'
import { KvError } from '../../errors/errors.ts'
import { mapInParts, type Parts } from '../../lib/parts.ts'
import { parseInteger } from '../../redis-semantics/integers.ts'
import type { Call } from '../../registry/context.ts'
import { number, oneWrite, oneWriteInParts } from '../../registry/direct.ts'
import { tells } from '../../registry/notifies.ts'
import { type DataRow, data, ENDS, FIRST_KEY, reads, readsInParts } from '../../registry/row.ts'
import { NULL_ARRAY, OK, type Reply } from '../../reply/reply.ts'
import { integer, integerFrom, rangeOf } from '../parsing/args.ts'
import { type End, take } from './list-ends.ts'
import { LIST_MOVES } from './lists-move.ts'
import { LIST_SEARCHES } from './lists-search.ts'

const openElement = ({ automation, args }: Call, raw: BackingReply): Buffer | null =>
  raw === null ? null : respBytes(automation.sealer.open(locations.element(args[1]!), raw as Buffer))

function openElementsInParts({ automation, args }: Call, raw: BackingReply): Parts<Reply> {
  const location = locations.element(args[1]!)
  return mapInParts(raw as Buffer[], (sealed) => respBytes(automation.sealer.open(location, sealed)))
}

const sealElements = ({ automation, args }: Call, from: number): Buffer[] => {
  const location = locations.element(args[1]!)
  return args.slice(from).map((element) => automation.sealer.seal(location, element, false))
}

const ok = (): Reply => OK
const push = (command: 'LPUSH' | 'RPUSH' | 'LPUSHX' | 'RPUSHX'): Pick<DataRow, 'run' | 'direct'> => {
  const onlyExisting = command.endsWith('X')
  return {
    run: (db, args) => {
      if (onlyExisting && db.list(args[1]!) === undefined) return 0
      const list = db.editList(args[1]!)
      const added = args.slice(2).map((element) => Cell.bytes(element))
      list.cells = command.startsWith('L') ? added.reverse().concat(list.cells) : list.cells.concat(added)
      return list.cells.length
    },
    direct: oneWrite(
      (call) =>
        nativeWrite(
          command,
          call.args[1]!,
          (onlyExisting ? leaves : creates).withItsTtl,
          'positive',
          sealElements(call, 2),
        ),
      number,
    ),
  }
}

const popCount = (args: readonly Buffer[], command: string): number | undefined => {
  if (args.length > 3) throw new KvError('wrong_arity', { command })
  return args[2] === undefined ? undefined : integerFrom(args[2], 0, 'not_positive')
}

const pop = (command: 'lpop' | 'rpop', end: End): Pick<DataRow, 'run' | 'direct'> => ({
  run: (db, args) => {
    const wanted = popCount(args, command)
    const length = db.list(args[1]!)?.cells.length ?? 0
    if (length === 0) return wanted === undefined ? null : NULL_ARRAY
    if (wanted === 0) return []
    const taken = take(db, args[1]!, end, wanted ?? 1)
    return wanted === undefined ? taken[0]! : taken
  },
  direct: oneWriteInParts(
    ({ args }) => {
      const wanted = popCount(args, command)
      // Redis 6.2 answers a count of 0 otherwise than 7.0 does.
      return wanted === 0
        ? undefined
        : nativeWrite(command.toUpperCase(), args[1]!, leaves.toBeLookedAt, 'not-null', args.slice(2))
    },
    function* (call, raw) {
      if (call.args.length === 2) return openElement(call, raw)
      return raw === null ? NULL_ARRAY : yield* openElementsInParts(call, raw)
    },
  ),
})

function lrange(db: Database, args: readonly Buffer[]): Reply {
  const start = integer(args[2]!)
  const stop = integer(args[3]!)
  const cells = db.list(args[1]!)?.cells ?? []
  const range = rangeOf(start, stop, cells.length)
  return range === undefined ? [] : cells.slice(range.start, range.stop + 1).map(({ bytes }) => bytes)
}

function lset(db: Database, args: readonly Buffer[]): Reply {
  const list = db.list(args[1]!)
  if (list === undefined) throw new KvError('no_such_key')
  const { length } = list.cells
  const index = integer(args[2]!)
  if (index >= length || index < -length) throw new KvError('index_out_of_range')
  db.editList(args[1]!).cells[index < 0 ? length + index : index] = Cell.bytes(args[3]!)
  return OK
}

function ltrim(db: Database, args: readonly Buffer[]): Reply {
  const start = integer(args[2]!)
  const stop = integer(args[3]!)
  const length = db.list(args[1]!)?.cells.length ?? 0
  if (length === 0) return OK
  const range = rangeOf(start, stop, length)
  const list = db.editList(args[1]!)
  list.cells = range === undefined ? [] : list.cells.slice(range.start, range.stop + 1)
  db.removeIfEmpty(args[1]!)
  return OK
}

const group = 'list'

export const LISTS = [
  data({
    name: 'lindex',
    arity: 3,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key index',
    summary: 'Returns the element at an index, negative from the end.',
    complexity: 'O(N) in the distance of the element from the nearest end',
    run: (db, args) => {
      const list = db.list(args[1]!)
      return list === undefined ? null : (list.cells.at(integer(args[2]!))?.bytes ?? null)
    },
    direct: reads(
      // Redis looks at the index only when there is a list; a wrong one is computed, and never leaves this
      // process.
      ({ automation, args }) =>
        parseInteger(args[2]!) === undefined ? undefined : ['LINDEX', automation.key(args[1]!), args[2]!],
      openElement,
    ),
  }),
  data({
    name: 'llen',
    arity: 2,
    flags: 'readonly fast',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key',
    summary: 'Returns the length of a list.',
    run: (db, args) => db.list(args[1]!)?.cells.length ?? 0,
    direct: reads(({ automation, args }) => ['LLEN', automation.key(args[1]!)], number),
  }),
  data({
    name: 'lpop',
    arity: -2,
    flags: 'write fast',
    notifies: tells('lpop'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key [count]',
    summary: 'Removes elements from the head of a list and returns them.',
    complexity: 'O(N) in the number of elements returned',
    ...pop('lpop', 'LEFT'),
  }),
  data({
    name: 'lpush',
    arity: -3,
    flags: 'write denyoom fast',
    notifies: tells('lpush'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key element [element ...]',
    summary: 'Puts elements at the head of a list; makes the list when there is none.',
    complexity: 'O(N) in the number of elements added',
    ...push('LPUSH'),
  }),
  data({
    name: 'lpushx',
    arity: -3,
    flags: 'write denyoom fast',
    notifies: tells('lpush'),
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key element [element ...]',
    summary: 'Puts elements at the head of a list, if it exists.',
    complexity: 'O(N) in the number of elements added',
    ...push('LPUSHX'),
  }),
  data({
    name: 'lrange',
    arity: 4,
    flags: 'readonly',
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key start stop',
    summary: 'Returns a range of elements.',
    complexity:
      'O(S+N) where S is the distance of the start from the nearest end and N the number of elements returned',
    run: lrange,
    direct: readsInParts(
      ({ automation, args }) => ['LRANGE', automation.key(args[1]!), integer(args[2]!), integer(args[3]!)],
      openElementsInParts,
    ),
  }),
  data({
    name: 'lset',
    arity: 4,
    flags: 'write denyoom',
    notifies: tells('lset'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key index element',
    summary: 'Replaces the element at an index.',
    complexity: 'O(N) in the distance of the element from the nearest end',
    run: lset,
    direct: oneWrite((call) => {
      const { args } = call
      return parseInteger(args[2]!) === undefined
        ? undefined
        : nativeWrite('LSET', args[1]!, leaves.withItsTtl, 'any-reply', [args[2]!, ...sealElements(call, 3)])
    }, ok),
  }),
  data({
    name: 'ltrim',
    arity: 4,
    flags: 'write',
    notifies: tells('ltrim'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key start stop',
    summary: 'Removes the elements outside of a range.',
    complexity: 'O(N) in the number of elements removed',
    run: ltrim,
    direct: oneWrite(
      ({ args }) =>
        nativeWrite('LTRIM', args[1]!, leaves.toBeLookedAt, 'any-reply-on-a-key', [
          integer(args[2]!),
          integer(args[3]!),
        ]),
      ok,
    ),
  }),
  data({
    name: 'rpop',
    arity: -2,
    flags: 'write fast',
    notifies: tells('rpop'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key [count]',
    summary: 'Removes elements from the tail of a list and returns them.',
    complexity: 'O(N) in the number of elements returned',
    ...pop('rpop', 'RIGHT'),
  }),
  data({
    name: 'rpush',
    arity: -3,
    flags: 'write denyoom fast',
    notifies: tells('rpush'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key element [element ...]',
    summary: 'Puts elements at the tail of a list; makes the list when there is none.',
    complexity: 'O(N) in the number of elements added',
    ...push('RPUSH'),
  }),
  data({
    name: 'rpushx',
    arity: -3,
    flags: 'write denyoom fast',
    notifies: tells('rpush'),
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    extent: ENDS,
    syntax: 'key element [element ...]',
    summary: 'Puts elements at the tail of a list, if it exists.',
    complexity: 'O(N) in the number of elements added',
    ...push('RPUSHX'),
  }),
  ...LIST_SEARCHES,
  ...LIST_MOVES,
]
