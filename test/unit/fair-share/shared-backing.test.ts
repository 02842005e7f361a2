import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Automation } from '../../../src/automation/automation.ts'
import type { BackingArg, BackingCallback } from '../../../src/backing/backing.ts'
import { SharedBacking } from '../../../src/fair-share/shared-backing.ts'
import { Turns } from '../../../src/fair-share/turns.ts'
import { automationOf, RecordingBacking } from '../helpers.ts'

const KIB = 1024

class ReadingBacking extends RecordingBacking {
  readonly sent: Array<{ command: readonly BackingArg[]; answer: BackingCallback }> = []
  override read(...[, command, answer]: [Automation?, (readonly BackingArg[])?, BackingCallback?]): void {
    this.sent.push({ command: command!, answer: answer! })
  }
}

function start() {
  const node = new ReadingBacking()
  const turns = new Turns((error) => {
    throw error
  })
  const limits = {
    weight: 16,
    bytes: 1024 * KIB,
    allBytes: 2048 * KIB,
    freeBytes: 64 * KIB,
    longBytes: 8192 * KIB,
    longWeight: 1_000,
    allWeight: 1_000,
    freeWeight: 16,
  }
  const backing = new SharedBacking([node], turns, limits)
  const [a, b] = [automationOf('a'), automationOf('b')]
  const answered: string[] = []
  let asked = 0
  const get = (automation: Automation, key = 'key'): void => {
    const name = `${automation.id}${asked++}`
    backing.read(automation, ['GET', automation.key(Buffer.from(key))], () => answered.push(name))
  }
  /** The oldest `count` that are not answered. */
  const reply = (count: number, bytes: number): void => {
    for (const { answer } of node.sent.splice(0, count)) answer(null, null, bytes)
  }
  return { node, turns, backing, a, b, get, reply, answered }
}

describe('what is on its way to the backing Redis', () => {
  test('is bounded in number for each automation, and what waits keeps its order', async () => {
    const { node, turns, backing, a, b, get, reply, answered } = start()
    get(a)
    reply(1, 10)
    for (let i = 0; i < 100; i++) get(a)
    expect(backing.inFlight(a)).toMatchObject({ commands: 16, waiting: 84 })
    get(b)
    expect(node.sent).toHaveLength(17)
    while (node.sent.length > 0) {
      expect(backing.inFlight(a).commands).toBeLessThanOrEqual(16)
      reply(1, 10)
    }
    do await nextTurn()
    while (turns.lineOf('a').queued > 0)
    const ofA = answered.filter((name) => name.startsWith('a'))
    expect(ofA).toHaveLength(101)
    expect(ofA).toEqual(ofA.toSorted((x, y) => Number(x.slice(1)) - Number(y.slice(1))))
    expect(backing.inFlight(a)).toEqual({ commands: 0, weight: 0, bytes: 0, waiting: 0 })
  })

  test('is counted by what the Redis sends, however little the client gets', () => {
    const { node, backing, a, get, reply } = start()
    get(a, 'large')
    reply(1, 900 * KIB)
    for (let i = 0; i < 100; i++) get(a, 'large')
    expect(node.sent).toHaveLength(1)
    for (let i = 0; i < 100; i++) {
      reply(1, 900 * KIB)
      expect(backing.inFlight(a).commands).toBeLessThanOrEqual(1)
    }
  })

  test('a key with large replies is remembered, whatever small ones came in between', () => {
    const { node, a, get, reply } = start()
    get(a, 'large')
    reply(1, 900 * KIB)
    for (let i = 0; i < 300; i++) {
      get(a, 'small')
      reply(1, 10)
    }
    for (let i = 0; i < 16; i++) get(a, 'large')
    expect(node.sent).toHaveLength(1)
  })

  test('of all automations together is bounded, and who waits comes in turn', () => {
    const { node, backing, b, get, reply } = start()
    const crowd = Array.from({ length: 10 }, (_, i) => automationOf(`crowd-${i}`))
    for (const automation of crowd) {
      get(automation, 'large')
      reply(1, 400 * KIB)
    }
    for (let i = 0; i < 3; i++) for (const automation of crowd) get(automation, 'large')
    expect(node.sent).toHaveLength(5)
    get(b)
    expect(node.sent.at(-1)!.command[0]).toBe('GET')
    expect(backing.inFlight(b).commands).toBe(1)
    let answered = 0
    while (node.sent.length > 0) {
      answered += node.sent.length
      reply(node.sent.length, 400 * KIB)
    }
    expect(answered).toBe(31)
  })

  test('who asks for little does not wait for the bytes of others', () => {
    const { backing, a, b, get, reply } = start()
    get(b, 'small')
    reply(1, 10)
    get(a, 'large')
    reply(1, 4096 * KIB)
    get(a, 'large')
    for (let i = 0; i < 8; i++) get(b, 'small')
    expect(backing.inFlight(b)).toMatchObject({ commands: 8, waiting: 0 })
  })

  test('nothing more is asked for one whose long reply is worked on', () => {
    const { node, backing, a, b, get, reply } = start()
    for (const automation of [a, b]) get(automation)
    reply(2, 10)
    const releases = [backing.hold(a), backing.hold(a)]
    get(a)
    get(b)
    expect(node.sent).toHaveLength(1)
    expect(backing.inFlight(a)).toMatchObject({ commands: 0, waiting: 1 })
    releases[0]!()
    expect(node.sent).toHaveLength(1)
    releases[1]!()
    expect(node.sent).toHaveLength(2)
    reply(2, 10)
    expect(backing.inFlight(a)).toEqual({ commands: 0, weight: 0, bytes: 0, waiting: 0 })
  })

  test('connections that wait for room are told one after the other, as it comes', async () => {
    const { node, turns, backing, a, get, reply } = start()
    const room = backing.roomOf(turns.lineOf('a'))
    get(a)
    reply(1, 10)
    for (let i = 0; i < 16; i++) get(a)
    expect(room.isFree()).toBe(false)
    let told = 0
    for (let i = 0; i < 50; i++)
      room.whenFree(() => {
        told++
        get(a)
      })
    await nextTurn()
    expect(told).toBe(0)
    reply(4, 10)
    for (let i = 0; i < 8; i++) await nextTurn()
    expect(told).toBe(4)
    expect(backing.inFlight(a)).toMatchObject({ commands: 16, waiting: 0 })
    while (node.sent.length > 0 || told < 50) {
      reply(node.sent.length, 10)
      await nextTurn()
    }
    expect(told).toBe(50)
  })
})
