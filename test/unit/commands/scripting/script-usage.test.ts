import { describe, expect, test } from 'vitest'
import { KeySeries, numberedKey } from '../../../../src/commands/scripting/key-series.ts'
import { ScriptUsages, UsageLog, WholeKeys } from '../../../../src/commands/scripting/script-usage.ts'
import type { Extent } from '../../../../src/engine/plaintext/extent.ts'

const SHA1 = 'a'.repeat(40)
const buffers = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text))

const usageOf = (looks: ReadonlyArray<readonly [string, Extent]>, keys: Buffer[], args: Buffer[] = []) => {
  const log = new UsageLog()
  for (const [name, extent] of looks) log.note(Buffer.from(name), extent)
  return log.usage(keys, args)!
}

const needsOf = (usages: ScriptUsages, keys: Buffer[], args: Buffer[] = []) =>
  usages
    .needs('one', SHA1, keys, args)
    ?.map(({ name, extent }) => [
      name.toString(),
      typeof extent === 'string' || !('of' in extent) ? extent : extent.names.map(String),
    ])

describe('what a script looked at', () => {
  test('is unknown before a first run, and of another automation', () => {
    const usages = new ScriptUsages()
    expect(needsOf(usages, buffers('a'))).toBeUndefined()
    usages.note('other', SHA1, usageOf([['a', 'all']], buffers('a')))
    expect(needsOf(usages, buffers('a'))).toBeUndefined()
  })

  test('goes by the place in KEYS; a key that was left alone is not read', () => {
    const usages = new ScriptUsages()
    usages.note('one', SHA1, usageOf([['a', 'ends']], buffers('a', 'b')))
    expect(needsOf(usages, buffers('x', 'y'))).toEqual([['x', 'ends']])
  })

  test('names members by their place in ARGV, others by themselves', () => {
    const usages = new ScriptUsages()
    const extent: Extent = { of: 'zset', names: buffers('7', 'fixed') }
    usages.note('one', SHA1, usageOf([['a', extent]], buffers('a'), buffers('token', '7')))
    expect(needsOf(usages, buffers('a'), buffers('token', '8'))).toEqual([['a', ['8', 'fixed']]])
  })

  test('grows while it is cheap, and follows the last run where all of a key was read', () => {
    const usages = new ScriptUsages()
    const run = (...looks: Array<readonly [string, Extent]>): void =>
      usages.note('one', SHA1, usageOf(looks, buffers('a')))
    run(['a', buffers('f')])
    run(['a', buffers('g')])
    run()
    expect(needsOf(usages, buffers('a'))).toEqual([['a', ['g', 'f']]])
    run(['a', 'all'])
    expect(needsOf(usages, buffers('a'))).toEqual([['a', 'all']])
    run()
    expect(needsOf(usages, buffers('a'))).toEqual([])
  })

  test('tells names that begin with a declared one', () => {
    const usages = new ScriptUsages()
    usages.note(
      'one',
      SHA1,
      usageOf(
        [
          ['job:1:lock', 'meta'],
          ['job:12', 'all'],
        ],
        buffers('job:1'),
      ),
    )
    const needs = needsOf(usages, buffers('job:2'))!
    expect(needs).toContainEqual(['job:2:lock', 'meta'])
    expect(needs).not.toContainEqual(['job:22', 'all'])
  })

  test('with too many keys is not remembered', () => {
    const keys = Array.from({ length: 40 }, (_, i) => Buffer.from(`k${i}`))
    expect(new UsageLog().usage(keys, [])).toBeUndefined()
  })
})

describe('names that count up', () => {
  const key = (name: string) => numberedKey(name, 'all')!

  test('end with a number, or with something behind it', () => {
    expect(key('bull:q2:17:lock')).toEqual({ prefix: 'bull:q2:', suffix: ':lock', number: 17, used: 'all' })
    expect(key('a0')).toEqual({ prefix: 'a', suffix: '', number: 0, used: 'all' })
    expect(numberedKey('none', 'all')).toBeUndefined()
  })

  test('are foretold for each of the runs that wait', () => {
    const series = new KeySeries<string>()
    // Two runs were asked about before anything was known, and both take a number.
    expect([series.next(), series.next()]).toEqual([[], []])
    series.note([key('job:5')])
    expect(series.next()).toEqual([{ name: 'job:7', used: 'all' }])
    series.note([key('job:6')])
    expect(series.next()).toEqual([{ name: 'job:8', used: 'all' }])
  })

  test('are forgotten when runs do without', () => {
    const series = new KeySeries<string>()
    series.note([key('job:5')])
    for (let i = 0; i < 7; i++) series.note([])
    expect(series.next()).toHaveLength(1)
    series.note([])
    series.note([])
    expect(series.next()).toEqual([])
  })

  test('are few of one script', () => {
    const series = new KeySeries<string>()
    series.note(['a1', 'b1', 'c1', 'd1', 'e1'].map(key))
    expect(series.next()).toHaveLength(4)
  })
})

test('a key that had to be read whole is, for some runs', () => {
  const whole = new WholeKeys()
  const usage = usageOf([['list', 'ends']], buffers('list'))
  expect(whole.addTo('one', SHA1, usage).keys).toEqual(['ends'])
  whole.note('one', SHA1, 0)
  for (let i = 0; i < 16; i++) expect(whole.addTo('one', SHA1, usage).keys).toEqual(['all'])
  expect(whole.addTo('one', SHA1, usage).keys).toEqual(['ends'])
})
