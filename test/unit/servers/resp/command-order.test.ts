import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../../../src/commands/table.ts'
import type { ServedRow } from '../../../../src/registry/command-table.ts'
import { CommandOrder } from '../../../../src/servers/resp/command-order.ts'

const rowOf = (command: string): ServedRow =>
  COMMANDS.lookUp(command.split(' ').map((word) => Buffer.from(word)))

const READ = rowOf('GET k')
const WRITE = rowOf('SET k v')
const LIST_READ = rowOf('LLEN k')
const LIST_WRITE = rowOf('RPUSH k v')
const SKETCH_WRITE = rowOf('PFADD k v')
const COMPUTED = rowOf('INCR k')
const BLOCKING = rowOf('BLPOP k 0')
const PING = rowOf('PING')
const EXCLUSIVE = rowOf('AUTH token')
const SCRIPT = rowOf('EVAL return 0')
const EXEC = rowOf('EXEC')
const AFTER_WRITES = rowOf('PUBLISH c m')

test('the commands are of the kinds that the tests take them for', () => {
  expect(
    [READ, WRITE, LIST_READ, LIST_WRITE, SKETCH_WRITE].every(
      (row) => row.kind === 'data' && row.direct !== undefined,
    ),
  ).toBe(true)
  expect([
    COMPUTED.kind === 'data' && COMPUTED.direct,
    EXCLUSIVE.kind === 'connection' && EXCLUSIVE.exclusive,
  ]).toEqual([undefined, true])
  expect([
    EXEC.kind === 'connection' && EXEC.computes,
    AFTER_WRITES.kind === 'connection' && AFTER_WRITES.afterWrites,
  ]).toEqual([true, true])
  expect(SCRIPT.flags.filter((flag) => flag === 'write' || flag === 'readonly')).toEqual([])
})

describe('what may start behind what is under way', () => {
  const after = (first: ServedRow, computing = false): CommandOrder => {
    const order = new CommandOrder()
    order.begin(first, false)
    if (computing) order.computingStarts()
    return order
  }

  test.each([
    ['nothing holds back a direct command', READ, WRITE, true],
    ['direct writes overlap', WRITE, WRITE, true],
    ['a computed command starts behind direct ones', WRITE, COMPUTED, true],
    ['list reads overlap', LIST_READ, LIST_READ, true],
    ['list commands overlap each other', LIST_WRITE, LIST_READ, true],
    ['a read waits for a list write, which may have to be computed', LIST_WRITE, READ, false],
    ['a write waits for a list write', LIST_WRITE, WRITE, false],
    ['a sketch is as a list', SKETCH_WRITE, READ, false],
    ['a read overtakes no list read by going beside it', LIST_READ, READ, true],
    ['a write waits for a list read', LIST_READ, WRITE, false],
    ['a script waits for a list read, as it may write', LIST_READ, SCRIPT, false],
    ['a transaction waits for a list read', LIST_READ, EXEC, false],
    ['a blocking command waits for all', READ, BLOCKING, false],
    ['an exclusive command waits for all', READ, EXCLUSIVE, false],
    ['a command on the connection waits for nothing', LIST_WRITE, PING, true],
    ['a message waits for list writes', LIST_WRITE, AFTER_WRITES, false],
    ['a message waits for no other direct write', WRITE, AFTER_WRITES, true],
  ])('%s', (_title, first, second, starts) => {
    expect(after(first).mayStart(second)).toBe(starts)
  })

  test.each([
    ['a direct read waits', READ, false],
    ['a direct write waits', WRITE, false],
    ['a direct list command waits', LIST_READ, false],
    ['another computed one starts', COMPUTED, true],
    ['a script starts', SCRIPT, true],
    ['a transaction starts', EXEC, true],
    ['PING starts', PING, true],
    ['a message waits', AFTER_WRITES, false],
    ['a blocking command waits', BLOCKING, false],
  ])('while one is computed, %s', (_title, second, starts) => {
    expect(after(COMPUTED, true).mayStart(second)).toBe(starts)
  })

  test('everything starts on an idle connection', () => {
    const order = new CommandOrder()
    for (const row of [READ, LIST_WRITE, COMPUTED, BLOCKING, EXCLUSIVE, SCRIPT, AFTER_WRITES])
      expect(order.mayStart(row)).toBe(true)
  })
})

test('an exclusive command holds until it has ended', () => {
  const order = new CommandOrder()
  const access = order.begin(EXCLUSIVE, true)
  expect([order.held, order.inFlight]).toEqual([true, 1])
  order.end(access)
  expect([order.held, order.inFlight]).toEqual([false, 0])
})

test('after any commands in any order of ending, nothing is left over', () => {
  const rows = [READ, WRITE, LIST_READ, LIST_WRITE, SKETCH_WRITE, COMPUTED, PING]
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...rows), fc.nat(), fc.boolean()), { maxLength: 30 }),
      (steps) => {
        const order = new CommandOrder()
        const under: Array<readonly ['none' | 'read' | 'write', boolean]> = []
        const endOne = (choice: number): void => {
          const [ended] = under.splice(choice % under.length, 1)
          if (ended![1]) order.computingEnds()
          order.end(ended![0])
        }
        for (const [row, choice, ends] of steps) {
          if (order.mayStart(row)) {
            const computes = row === COMPUTED
            under.push([order.begin(row, false), computes])
            if (computes) order.computingStarts()
          }
          if (ends && under.length > 0) endOne(choice)
          expect(order.inFlight).toBe(under.length)
        }
        while (under.length > 0) endOne(0)
        expect([
          order.inFlight,
          order.isComputing,
          order.mayStart(BLOCKING),
          order.mayStart(WRITE),
          order.mayStart(AFTER_WRITES),
        ]).toEqual([0, false, true, true, true])
      },
    ),
  )
})
