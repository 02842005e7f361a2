import { describe, expect, test } from 'vitest'
import { check, type Operation } from './linearizability.ts'
import { COUNTER, type Input, LIST, type Output, REGISTER, SET } from './models.ts'

type Row = readonly [op: string, value: string, output: Output | undefined, call: number, end: number]

const history = (rows: readonly Row[]): Operation<Input, Output>[] =>
  rows.map(([op, value, output, call, end]) => ({ input: { op, value }, output, call, return: end }))

const UNKNOWN = Infinity

describe('histories that some order explains', () => {
  test.each([
    [
      'a read beside a write',
      REGISTER,
      [
        ['write', 'a', 'OK', 0, 9],
        ['read', '', null, 1, 2],
        ['read', '', 'a', 3, 4],
      ],
    ],
    [
      'an unknown write that took effect late',
      REGISTER,
      [
        ['write', 'a', undefined, 0, UNKNOWN],
        ['write', 'b', 'OK', 5, 6],
        ['read', '', 'b', 7, 8],
        ['read', '', 'a', 9, 10],
      ],
    ],
    [
      'an unknown write that never did',
      REGISTER,
      [
        ['write', 'a', undefined, 0, UNKNOWN],
        ['read', '', null, 5, 6],
      ],
    ],
    [
      'increments that overlap',
      COUNTER,
      [
        ['add', '1', 2, 0, 9],
        ['add', '1', 1, 1, 8],
        ['read', '', 2, 10, 11],
      ],
    ],
    [
      'an unknown increment between two known ones',
      COUNTER,
      [
        ['add', '1', 1, 0, 1],
        ['add', '1', undefined, 2, UNKNOWN],
        ['add', '1', 3, 4, 5],
      ],
    ],
    [
      'a pop beside its push',
      LIST,
      [
        ['pushRight', 'a', 1, 0, 9],
        ['popLeft', '', 'a', 1, 8],
        ['length', '', 0, 10, 11],
      ],
    ],
    [
      'an element that an unknown pop took',
      LIST,
      [
        ['pushRight', 'a', 1, 0, 1],
        ['popLeft', '', undefined, 2, UNKNOWN],
        ['read', '', [], 5, 6],
      ],
    ],
    [
      'two adders of one member',
      SET,
      [
        ['add', 'm', 0, 0, 9],
        ['add', 'm', 1, 1, 8],
        ['read', '', ['m'], 10, 11],
      ],
    ],
  ] as const)('%s', (_what, model, rows) => {
    expect(check(model as typeof REGISTER, history(rows as readonly Row[]))).toBe('linearizable')
  })
})

describe('histories that no order explains', () => {
  test.each([
    [
      'a lost write',
      REGISTER,
      [
        ['write', 'a', 'OK', 0, 1],
        ['read', '', null, 2, 3],
      ],
    ],
    [
      'a value that comes back',
      REGISTER,
      [
        ['write', 'a', 'OK', 0, 1],
        ['write', 'b', 'OK', 2, 3],
        ['read', '', 'a', 4, 5],
      ],
    ],
    ['a refused write that is there', REGISTER, [['read', '', 'refused', 0, 1]]],
    [
      'an unknown write seen before it was sent',
      REGISTER,
      [
        ['read', '', 'a', 0, 1],
        ['write', 'a', undefined, 2, UNKNOWN],
      ],
    ],
    [
      'an unknown write that took effect twice',
      REGISTER,
      [
        ['append', 'a', undefined, 0, UNKNOWN],
        ['read', '', 'aa', 5, 6],
      ],
    ],
    [
      'an increment that counted twice',
      COUNTER,
      [
        ['add', '1', 1, 0, 1],
        ['read', '', 2, 2, 3],
      ],
    ],
    [
      'two increments with one answer',
      COUNTER,
      [
        ['add', '1', 1, 0, 9],
        ['add', '1', 1, 1, 8],
      ],
    ],
    [
      'an element popped twice',
      LIST,
      [
        ['pushRight', 'a', 1, 0, 1],
        ['popLeft', '', 'a', 2, 9],
        ['popLeft', '', 'a', 3, 8],
      ],
    ],
    [
      'the wrong order',
      LIST,
      [
        ['pushRight', 'a', 1, 0, 1],
        ['pushRight', 'b', 2, 2, 3],
        ['popLeft', '', 'b', 4, 5],
      ],
    ],
    [
      'a lost member',
      SET,
      [
        ['add', 'm', 1, 0, 1],
        ['has', 'm', 0, 2, 3],
      ],
    ],
    [
      'two who were first',
      SET,
      [
        ['add', 'm', 1, 0, 9],
        ['add', 'm', 1, 1, 8],
      ],
    ],
  ] as const)('%s', (_what, model, rows) => {
    expect(check(model as typeof REGISTER, history(rows as readonly Row[]))).toBe('violation')
  })
})

test('a thousand operations, of which many overlap and some are unknown', () => {
  const rows: Row[] = []
  let value = 0
  for (let i = 0; i < 1_000; i++) {
    const lost = i % 90 === 0
    value++
    rows.push(['add', '1', lost ? undefined : value, i * 10, lost ? UNKNOWN : i * 10 + 75])
  }
  expect(check(COUNTER, history(rows))).toBe('linearizable')
  rows.push(['read', '', value + 1, 20_000, 20_001])
  expect(check(COUNTER, history(rows))).toBe('violation')
})
