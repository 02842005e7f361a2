import { describe, expect, test } from 'vitest'
import {
  type FunctionLibrary,
  type LibrarySet,
  newLibrary,
  packSet,
  unpackSet,
} from '../../../../src/engine/libraries/library.ts'
import { LibraryState } from '../../../../src/engine/libraries/library-state.ts'
import { KvError } from '../../../../src/errors/errors.ts'

const library = (name: string, ...functions: string[]): FunctionLibrary => ({
  name,
  code: Buffer.from(`#!lua name=${name}\n`),
  functions: functions.map((each) => ({ name: each, description: undefined, flags: ['no-writes'] })),
})

const ONE = newLibrary(library('one', 'f'))
const TWO = newLibrary(library('two', 'g', 'G'))
const SET: LibrarySet = { stamp: 'x', libraries: [ONE, TWO], damaged: undefined }

const names = (state: LibraryState): string[] => state.all().map(({ name }) => name)

describe('the libraries within a computation', () => {
  test('what a job changed is taken back with it, and the jobs before it stay', () => {
    const state = new LibraryState(() => SET)
    expect(state.stamp).toBeUndefined()
    state.beginJob()
    state.put(library('three', 'h'))
    expect(state.changed).toBe(true)
    state.beginJob()
    expect(state.changed).toBe(false)
    state.clear()
    state.put(library('four', 'f'))
    expect(names(state)).toEqual(['four'])
    state.rollback()
    expect(state.changed).toBe(false)
    expect(names(state)).toEqual(['one', 'three', 'two'])
    expect(state.functionNamed('F')?.library.name).toBe('one')
    expect(state.stamp).toBe('x')
  })

  test('a part that throws is taken back alone', () => {
    const state = new LibraryState(() => SET)
    state.beginJob()
    state.delete('one')
    expect(() =>
      state.attempt(() => {
        state.clear()
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(names(state)).toEqual(['two'])
  })

  test('fields go and come as a whole: what is replaced has another one', () => {
    const state = new LibraryState(() => SET)
    state.beginJob()
    expect(state.changes()).toEqual({ removed: [], added: [] })
    state.put(library('one', 'h'))
    const { removed, added } = state.changes()
    expect(removed).toEqual([ONE.id])
    expect(added.map(({ name }) => name)).toEqual(['one'])
    expect(added[0]!.id).not.toBe(ONE.id)
  })

  test('of functions that differ in case the first of a library is found', () => {
    const state = new LibraryState(() => SET)
    expect(state.functionNamed('G')?.info.name).toBe('g')
  })

  test('a damaged one is an error for all, until all are deleted', () => {
    const damaged = { ids: ['lost'], reason: new KvError('unreadable') }
    const state = new LibraryState(() => ({ ...SET, damaged }))
    state.beginJob()
    expect(() => state.get('one')).toThrow(damaged.reason)
    expect(() => state.put(library('three'))).toThrow(damaged.reason)
    state.clear()
    state.put(library('three'))
    expect(state.changes().removed).toEqual([ONE.id, TWO.id, 'lost'])
  })
})

test('another thread gets the same libraries', () => {
  const described = { name: 'f', description: Buffer.from([0, 200]), flags: [] }
  const made = newLibrary({ ...library('three'), functions: [described] })
  made.chunk.bytecode = Buffer.from('bytecode')
  const set: LibrarySet = { ...SET, libraries: [ONE, TWO, made] }
  expect(unpackSet(packSet(set, [TWO, made]))).toEqual({ ...set, libraries: [TWO, made] })
})
