import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { locations } from '../../../../src/automation/location.ts'
import { changesOf } from '../../../../src/engine/optimistic/changes.ts'
import { Cell } from '../../../../src/engine/plaintext/cell.ts'
import { Unseen } from '../../../../src/engine/plaintext/values.ts'
import type { NativeCommand } from '../../../../src/engine/writes/native-command.ts'
import { automationOf, stateOf, storedKey } from '../../helpers.ts'

const automation = automationOf()
const { sealer } = automation
const NAME = Buffer.from('k')

const seal = (text: string): Buffer => sealer.seal(locations.element(NAME), Buffer.from(text), false)
const open = (sealed: Buffer): string => sealer.open(locations.element(NAME), sealed).bytes.toString()
const namesOf = (commands: readonly NativeCommand[]): string[] => commands.map(([name]) => name)

/** What Redis does to a list with these commands. */
function applied(list: readonly Buffer[], commands: readonly NativeCommand[]): Buffer[] {
  let after = [...list]
  for (const [name, ...args] of commands) {
    const values = args as Buffer[]
    switch (name) {
      case 'UNLINK':
        after = []
        break
      case 'RPUSH':
        after.push(...values)
        break
      case 'LPUSH':
        after.unshift(...values.toReversed())
        break
      case 'LPOP':
        after.splice(0, Number(args[0]))
        break
      case 'RPOP':
        after.splice(Math.max(0, after.length - Number(args[0])))
        break
      case 'LTRIM':
        after = after.slice(Number(args[0]), Number(args[1]) + 1)
        break
      case 'LSET':
        if (after[Number(args[0])] === undefined) throw new Error('LSET: index out of range')
        after[Number(args[0])] = values[1]!
        break
      case 'LINSERT': {
        const at = after.findIndex((element) => element.equals(values[1]!))
        if (args[0] !== 'BEFORE' || at < 0) throw new Error('LINSERT: no such pivot')
        after.splice(at, 0, values[2]!)
        break
      }
      case 'LREM': {
        const at = after.findIndex((element) => element.equals(values[1]!))
        if (args[0] !== 1 || at < 0) throw new Error('LREM: no such element')
        after.splice(at, 1)
        break
      }
      default:
        throw new Error(`no command on lists: ${name}`)
    }
    // A list that is empty for a moment would be gone, and its TTL with it.
    if (after.length === 0 && name !== 'UNLINK' && commands.at(-1)![0] !== name)
      throw new Error(`empty after ${name}`)
  }
  return after
}

function listOf(texts: readonly string[]): {
  sealed: Buffer[]
  stored: ReturnType<typeof storedKey>
  cells: Cell[]
} {
  const sealed = texts.map(seal)
  const stored = storedKey(automation, NAME, 'list', sealed)
  const value = stored.value()
  if (value instanceof Unseen || value?.type !== 'list') throw new Error('no list')
  return { sealed, stored, cells: value.cells }
}

const listChanges = (stored: ReturnType<typeof storedKey>, cells: Cell[]): NativeCommand[] =>
  changesOf(automation, stored, stateOf(NAME, { type: 'list', cells }), true)

/** One change of a list, as a command makes it; `new` elements are given as texts. */
const change = fc.oneof(
  fc.record({
    kind: fc.constant('push' as const),
    left: fc.boolean(),
    count: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ kind: fc.constant('pop' as const), left: fc.boolean(), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('set' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('move' as const), at: fc.nat(), to: fc.nat() }),
  fc.record({ kind: fc.constant('trim' as const), from: fc.nat({ max: 5 }), length: fc.nat({ max: 10 }) }),
)

describe('a list', () => {
  test('becomes the new one by the native commands, whatever was changed', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('x', 'y', 'z'), { minLength: 1, maxLength: 12 }),
        fc.array(change, { maxLength: 5 }),
        (texts, changes) => {
          const { sealed, stored, cells } = listOf(texts)
          let after = [...cells]
          const fresh = (): Cell => Cell.bytes(Buffer.from(`new ${after.length}`))
          for (const one of changes) {
            const at = 'at' in one ? one.at % Math.max(1, after.length) : 0
            if (one.kind === 'push')
              after.splice(one.left ? 0 : after.length, 0, ...Array.from({ length: one.count }, fresh))
            else if (one.kind === 'pop')
              after.splice(one.left ? 0 : Math.max(0, after.length - one.count), one.count)
            else if (one.kind === 'set') after.splice(at, 1, fresh())
            else if (one.kind === 'insert') after.splice(at, 0, fresh())
            else if (one.kind === 'remove') after.splice(at, one.count)
            else if (one.kind === 'trim') after = after.slice(one.from, one.from + one.length)
            else {
              const moved = after.splice(at, 1)
              after.splice(one.to % (after.length + 1), 0, ...moved)
            }
          }
          if (after.length === 0) return
          const commands = listChanges(stored, after)
          for (const name of namesOf(commands)) seen.add(name)
          const result = applied(sealed, commands)
          expect(result.map(open)).toEqual(after.map((cell) => cell.bytes.toString()))
          // What stayed keeps its ciphertext, which later changes find it by.
          const written = new Set(result.map((element) => element.toString('latin1')))
          for (const [i, cell] of cells.entries())
            expect(written.has(sealed[i]!.toString('latin1'))).toBe(after.includes(cell))
        },
      ),
      { numRuns: 2_000 },
    )
    expect([...seen].sort()).toEqual([
      'LINSERT',
      'LPOP',
      'LPUSH',
      'LREM',
      'LSET',
      'LTRIM',
      'RPOP',
      'RPUSH',
      'UNLINK',
    ])
  })

  test('costs one command for what is one command', () => {
    const { stored, cells } = listOf(['a', 'b', 'c', 'd', 'e'])
    const fresh = Cell.bytes(Buffer.from('new'))
    const namesAfter = (after: Cell[]): string[] => namesOf(listChanges(stored, after))
    expect(namesAfter([...cells])).toEqual([])
    expect(namesAfter([...cells, fresh])).toEqual(['RPUSH'])
    expect(namesAfter([fresh, ...cells])).toEqual(['LPUSH'])
    expect(namesAfter(cells.slice(1))).toEqual(['LPOP'])
    expect(namesAfter(cells.slice(0, -2))).toEqual(['RPOP'])
    expect(namesAfter(cells.with(2, fresh))).toEqual(['LSET'])
    expect(namesAfter(cells.toSpliced(2, 0, fresh))).toEqual(['LINSERT'])
    expect(namesAfter(cells.toSpliced(2, 1))).toEqual(['LREM'])
    expect(namesAfter(cells.slice(1, -1))).toEqual(['LTRIM'])
    expect(namesAfter([...cells.slice(1), cells[0]!])).toEqual(['LTRIM', 'RPUSH'])
  })

  test('is pushed in commands of at most a thousand arguments, in order', () => {
    const { sealed, stored, cells } = listOf(['a'])
    const many = Array.from({ length: 2_500 }, (_, i) => Cell.bytes(Buffer.from(`e${i}`)))
    for (const after of [
      [...cells, ...many],
      [...many, ...cells],
    ]) {
      const commands = listChanges(stored, after)
      expect(commands.map(({ length }) => length)).toEqual([1_001, 1_001, 501])
      expect(applied(sealed, commands).map(open)).toEqual(after.map((cell) => cell.bytes.toString()))
    }
  })
})
