import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ScriptEngine } from '../../../src/lua-vm/engine.ts'
import { patternSteps } from '../../../src/lua-vm/machine/pattern-cost.ts'
import { WatchdogTimeout, watched } from '../../../src/lua-vm/machine/watchdog.ts'
import { readScript } from '../../../src/lua-vm/script.ts'
import { formatDouble } from '../../../src/redis-semantics/floats.ts'
import { formatGeneral } from '../../../src/redis-semantics/general-format.ts'
import { evaluate, shown } from './helpers.ts'

describe('the cost of a pattern', () => {
  const steps = (pattern: string, length: number, anchors = true): number =>
    patternSteps(Buffer.from(pattern), length, anchors)

  test.each([
    ['[^,]+', 1],
    ['^(%d+)$', 1],
    ['(%w+)=(%w+)', 2],
    ['^(%w+)=(%w+)', 1],
    ['a*a*a*b', 4],
    ['^a*a*a*b', 3],
    ['%b()', 2],
    ['x-y', 2],
    ['[%]x]+', 1],
    ['[]x]*z', 2],
    ['%f[%w]%w+', 1],
    ['.-', 1],
  ])('%s grows with the power %i of the length', (pattern, power) => {
    const ratio = Math.log10(steps(pattern, 1_000_000) / steps(pattern, 100_000))
    expect(Math.round(ratio)).toBe(power)
  })

  test('an optional item doubles it', () => {
    expect(steps(`${'a?'.repeat(40)}b`, 10)).toBeGreaterThan(2 ** 40)
  })

  test('any bytes are a pattern', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(1000),
        (pattern, length) => patternSteps(pattern, length, true) >= 1,
      ),
    )
  })

  test('what is cheap by this count is quick', () => {
    const engine = new ScriptEngine()
    const item = fc.constantFrom('a', '.', '[ab]', '%w', '(a)', 'b')
    const pattern = fc.array(fc.tuple(item, fc.constantFrom('', '*', '+', '-', '?')), { maxLength: 6 })
    fc.assert(
      fc.property(pattern, fc.nat(2000), (items, length) => {
        const text = items.map(([one, suffix]) => (one.startsWith('(') ? one : one + suffix)).join('')
        if (patternSteps(Buffer.from(text), length, true) > 1_000_000) return
        const before = process.cpuUsage()
        evaluate(engine, 'return {pcall(string.find, ("a"):rep(ARGV[1]), ARGV[2])}', {
          args: [Buffer.from(`${length}`), Buffer.from(text)],
        })
        const { user, system } = process.cpuUsage(before)
        expect((user + system) / 1000).toBeLessThan(500)
      }),
    )
  })
})

describe('the shebang', () => {
  test('flags are read, and the body keeps its line numbers', () => {
    const script = readScript(Buffer.from('#!lua flags=no-writes,allow-stale\nreturn 1'))
    expect(script).toMatchObject({ noWrites: true, declaresFlags: true })
    expect(script.body.toString()).toBe('\nreturn 1')
    expect(readScript(Buffer.from('return 1'))).toMatchObject({ noWrites: false, declaresFlags: false })
  })
})

describe('the watchdog', () => {
  test('gives results and errors through', () => {
    expect(watched(1000, () => 7)).toBe(7)
    const error = new TypeError('x')
    expect(() =>
      watched(1000, () => {
        throw error
      }),
    ).toThrow(error)
  })

  test('ends a loop, and works again', () => {
    expect(() =>
      watched(30, () => {
        for (;;);
      }),
    ).toThrow(WatchdogTimeout)
    expect(watched(1000, () => 8)).toBe(8)
  })
})

describe('numbers as C prints them', () => {
  test('as %.17g', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => {
        expect(formatGeneral(n, 17)).toBe(formatDouble(n))
      }),
    )
  })

  test('as Lua prints %.14g', () => {
    const engine = new ScriptEngine()
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 20 }),
        (numbers) => {
          const packed = Buffer.alloc(numbers.length * 8)
          for (const [i, n] of numbers.entries()) packed.writeDoubleLE(n, i * 8)
          const source =
            'local t = {} for i = 1, #ARGV[1], 8 do t[#t + 1] = tostring((struct.unpack("d", ARGV[1], i))) end return table.concat(t, " ")'
          expect(shown(evaluate(engine, source, { args: [packed] }))).toBe(
            numbers.map((n) => formatGeneral(n, 14)).join(' '),
          )
        },
      ),
    )
  })
})
