import { Cell } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { tells } from '../../registry/notifies.ts'
import { data, FIRST_KEY } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'
import { integer, integerFrom, long, word } from '../parsing/args.ts'

// Ciphertexts of equal elements differ, so what searches a list by an element's value is computed.

function linsert(db: Database, args: readonly Buffer[]): Reply {
  const where = word(args[2])
  if (where !== 'BEFORE' && where !== 'AFTER') throw new KvError('syntax')
  const list = db.list(args[1]!)
  if (list === undefined) return 0
  const at = list.cells.findIndex(({ bytes }) => bytes.equals(args[3]!))
  if (at < 0) return -1
  const { cells } = db.editList(args[1]!)
  cells.splice(where === 'BEFORE' ? at : at + 1, 0, Cell.bytes(args[4]!))
  return cells.length
}

function lrem(db: Database, args: readonly Buffer[]): Reply {
  const count = integer(args[2]!)
  const cells = db.list(args[1]!)?.cells ?? []
  const most = count === 0 ? cells.length : Math.abs(count)
  const found = new Set<Cell>()
  const ordered = count < 0 ? cells.toReversed() : cells
  for (const cell of ordered) {
    if (found.size === most) break
    if (cell.bytes.equals(args[3]!)) found.add(cell)
  }
  if (found.size === 0) return 0
  const list = db.editList(args[1]!)
  list.cells = list.cells.filter((cell) => !found.has(cell))
  db.removeIfEmpty(args[1]!)
  return found.size
}

interface PositionOptions {
  rank: number
  count: number | undefined
  maxlen: number
}

function positionOptions(args: readonly Buffer[]): PositionOptions {
  const options: PositionOptions = { rank: 1, count: undefined, maxlen: 0 }
  for (let i = 3; i < args.length; i += 2) {
    const option = word(args[i])
    const arg = args[i + 1]
    if (arg === undefined) throw new KvError('syntax')
    if (option === 'RANK') {
      options.rank = long(arg)
      if (options.rank === 0) throw new KvError('rank_zero')
    } else if (option === 'COUNT') options.count = integerFrom(arg, 0, 'count_negative')
    else if (option === 'MAXLEN') options.maxlen = integerFrom(arg, 0, 'maxlen_negative')
    else throw new KvError('syntax')
  }
  return options
}

function lpos(db: Database, args: readonly Buffer[]): Reply {
  const { rank, count, maxlen } = positionOptions(args)
  const cells = db.list(args[1]!)?.cells ?? []
  const { length } = cells
  const most = count === 0 ? length : (count ?? 1)
  const compared = maxlen === 0 ? length : Math.min(maxlen, length)
  const found: number[] = []
  for (let i = 0, matches = 0; i < compared && found.length < most; i++) {
    const at = rank < 0 ? length - 1 - i : i
    if (cells[at]!.bytes.equals(args[2]!) && ++matches >= Math.abs(rank)) found.push(at)
  }
  return count === undefined ? (found[0] ?? null) : found
}

const group = 'list'

export const LIST_SEARCHES = [
  data({
    name: 'linsert',
    arity: 5,
    flags: 'write denyoom',
    notifies: tells('linsert'),
    group,
    since: '2.2.0',
    keys: FIRST_KEY,
    syntax: 'key <BEFORE | AFTER> pivot element',
    summary: 'Puts an element before or after another.',
    complexity: 'O(N) in the length of the list',
    run: linsert,
  }),
  data({
    name: 'lpos',
    arity: -3,
    flags: 'readonly',
    group,
    since: '6.0.6',
    keys: FIRST_KEY,
    syntax: 'key element [RANK rank] [COUNT num-matches] [MAXLEN len]',
    summary: 'Finds where an element is.',
    complexity: 'O(N) in the length of the list',
    run: lpos,
  }),
  data({
    name: 'lrem',
    arity: 4,
    flags: 'write',
    notifies: tells('lrem'),
    group,
    since: '1.0.0',
    keys: FIRST_KEY,
    syntax: 'key count element',
    summary: 'Removes elements that are equal to one.',
    complexity: 'O(N) in the length of the list',
    run: lrem,
  }),
]
