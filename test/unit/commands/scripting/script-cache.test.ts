import { describe, expect, test } from 'vitest'
import { ScriptCache } from '../../../../src/commands/scripting/script-cache.ts'
import { type LuaScript, readScript } from '../../../../src/lua-vm/script.ts'

describe('the cache of scripts', () => {
  const script = (text: string): LuaScript => readScript(Buffer.from(text))

  test('keeps the scripts of automations apart', () => {
    const cache = new ScriptCache()
    const one = script('return 1')
    cache.add('a', one)
    expect(cache.get('a', one.sha1)).toBe(one)
    expect(cache.get('b', one.sha1)).toBeUndefined()
    expect(cache.has('b', one.sha1)).toBe(false)
    cache.add('b', one)
    cache.flush('b')
    expect(cache.has('a', one.sha1)).toBe(true)
  })

  test('drops what was used least recently, by number and by bytes', () => {
    const cache = new ScriptCache({ scriptsPerAutomation: 3, bytesPerAutomation: 10_000, bytes: 1_000_000 })
    const scripts = [1, 2, 3, 4].map((n) => script(`return ${n}`))
    for (const one of scripts.slice(0, 3)) cache.add('a', one)
    cache.get('a', scripts[0]!.sha1)
    cache.add('a', scripts[3]!)
    expect(scripts.map(({ sha1 }) => cache.has('a', sha1))).toEqual([true, false, true, true])
    const large = script(`return "${'x'.repeat(9_000)}"`)
    cache.add('a', large)
    expect(cache.has('a', large.sha1)).toBe(true)
    expect(cache.has('a', scripts[2]!.sha1)).toBe(false)
  })

  test('an automation with many scripts pushes out no other until all is full', () => {
    const cache = new ScriptCache({ scriptsPerAutomation: 2, bytesPerAutomation: 100_000, bytes: 3_000 })
    const one = script('return 1')
    cache.add('quiet', one)
    for (let i = 0; i < 100; i++) cache.add('busy', script(`return ${i}`))
    expect(cache.has('quiet', one.sha1)).toBe(true)
    for (let i = 0; i < 10; i++) cache.add(`other-${i}`, script(`return ${i}`))
    expect(cache.has('quiet', one.sha1)).toBe(false)
  })

  test('a script that is added again counts once, and what is flushed counts no more', () => {
    const one = script('return 1')
    const cache = new ScriptCache({ scriptsPerAutomation: 2, bytesPerAutomation: 10_000, bytes: 2_000 })
    for (let i = 0; i < 10; i++) cache.add('a', one)
    cache.add('a', script('return 2'))
    cache.add('b', one)
    expect([cache.has('a', one.sha1), cache.has('b', one.sha1)]).toEqual([true, true])
    for (let i = 0; i < 10; i++) {
      cache.flush('a')
      cache.add('a', one)
    }
    expect([cache.has('a', one.sha1), cache.has('b', one.sha1)]).toEqual([true, true])
  })

  test('a single script that is larger than all its room is not kept', () => {
    const cache = new ScriptCache({ scriptsPerAutomation: 3, bytesPerAutomation: 1_000, bytes: 1_000_000 })
    const large = script(`return "${'x'.repeat(2_000)}"`)
    cache.add('a', large)
    expect(cache.has('a', large.sha1)).toBe(false)
  })
})
