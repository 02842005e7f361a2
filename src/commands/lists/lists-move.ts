import type { Database } from '../../engine/plaintext/database.ts'
import { endBehindKeys, listEnd, tells, tellsMove } from '../../registry/notifies.ts'
import { countedKeys, data, ENDS, TWO_KEYS } from '../../registry/row.ts'
import { NULL_ARRAY, type Reply } from '../../reply/reply.ts'
import { type PopMany, parsePopMany } from '../parsing/pop-many.ts'
import { type End, endOf, take } from './list-ends.ts'

/** LMOVE: null when there is nothing to take; the types of both keys are checked first. */
export function move(db: Database, source: Buffer, target: Buffer, from: End, to: End): Reply {
  const cells = db.list(source)?.cells ?? []
  if (cells.length === 0) return null
  db.list(target)
  const cell = cells.at(from === 'LEFT' ? 0 : -1)!
  if (source.equals(target)) {
    // The element keeps its ciphertext, and the key its TTL, even when it is the only one.
    const list = db.editList(source)
    const others = from === 'LEFT' ? list.cells.slice(1) : list.cells.slice(0, -1)
    list.cells = to === 'LEFT' ? [cell, ...others] : [...others, cell]
    return cell.bytes
  }
  const moved = cell.copy()
  take(db, source, from, 1)
  const list = db.editList(target)
  if (to === 'LEFT') list.cells.unshift(moved)
  else list.cells.push(moved)
  return cell.bytes
}

/** Pops from the first of the lists that has an element; undefined when none has. */
export function popMany(
  db: Database,
  { keys, end, count }: PopMany<End>,
): [name: Buffer, elements: Buffer[]] | undefined {
  for (const name of keys) {
    const cells = db.list(name)?.cells ?? []
    if (cells.length > 0) return [name, take(db, name, end, count)]
  }
  return undefined
}

const group = 'list'

export const LIST_MOVES = [
  data({
    name: 'lmove',
    arity: 5,
    flags: 'write denyoom',
    notifies: tellsMove((args) => ({ from: listEnd(args[3]), to: listEnd(args[4]) })),
    group,
    since: '6.2.0',
    keys: TWO_KEYS,
    extent: ENDS,
    syntax: 'source destination <LEFT | RIGHT> <LEFT | RIGHT>',
    summary: 'Takes an element from an end of one list, puts it at an end of another, and returns it.',
    run: (db, args) => {
      const from = endOf(args[3])
      return move(db, args[1]!, args[2]!, from, endOf(args[4]))
    },
  }),
  data({
    name: 'lmpop',
    arity: -4,
    flags: 'write movablekeys',
    notifies: tells((args) => `${endBehindKeys(args, 1)}pop`),
    group,
    since: '7.0.0',
    keys: countedKeys(1),
    extent: ENDS,
    syntax: 'numkeys key [key ...] <LEFT | RIGHT> [COUNT count]',
    summary: 'Removes elements from the first list that has any, and returns them.',
    complexity: 'O(N+M) in the numbers of keys and of elements returned',
    run: (db, args) => popMany(db, parsePopMany(args, 1, endOf)) ?? NULL_ARRAY,
  }),
  data({
    name: 'rpoplpush',
    arity: 3,
    flags: 'write denyoom',
    notifies: tellsMove(() => ({ from: 'r', to: 'l' })),
    group,
    since: '1.2.0',
    keys: TWO_KEYS,
    extent: ENDS,
    syntax: 'source destination',
    summary: 'Takes the last element of one list, puts it at the head of another, and returns it.',
    run: (db, args) => move(db, args[1]!, args[2]!, 'RIGHT', 'LEFT'),
  }),
]
