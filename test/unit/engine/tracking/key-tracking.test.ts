import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Automation } from '../../../../src/automation/automation.ts'
import { Automations } from '../../../../src/automation/automation.ts'
import { Keyring } from '../../../../src/automation/keyring.ts'
import type {
  Backing,
  BackingCallback,
  BackingReply,
  MessageBus,
  OnMessage,
} from '../../../../src/backing/backing.ts'
import type { Change } from '../../../../src/engine/tracking/change.ts'
import { KeyTracking } from '../../../../src/engine/tracking/key-tracking.ts'
import type { Tracker } from '../../../../src/engine/tracking/tracker.ts'
import { HeldBytes } from '../../../../src/fair-share/held-bytes.ts'
import { Turns } from '../../../../src/fair-share/turns.ts'
import { LIVENESS } from '../../../../src/lib/liveness.ts'

const MIB = 1024 * 1024
const fail = (error: Error): void => {
  throw error
}

/** A tracker that notes what it is told: names, or undefined for everything. */
class NotingTracker implements Tracker {
  isEnabled = true
  missesChanges = false
  readonly told: Array<readonly string[] | undefined> = []
  tell(changes: readonly Change[] | undefined): void {
    this.told.push(changes?.map(({ name }) => String(name)))
  }
}

/** A backing and a bus that are nowhere; the test answers, publishes, and breaks the bus. */
class Elsewhere {
  readonly automation: Automation = new Automations(
    Keyring.fromSettings({ secret: 'a-secret-for-tests-of-32-bytes-and-more' }),
  ).get('a')
  stamp = 's'
  version = 10
  /** The index: name -> when the key expires. */
  index = new Map<string, number>()
  /** Reads wait for `answer`. */
  waits = false
  isDown = false
  lose: () => void = () => {}
  returns: () => void = () => {}
  private receive: OnMessage = () => {}
  private readonly asked: Array<() => void> = []

  private readonly entry = (name: string): Buffer => Buffer.from(`1:1:1:${this.index.get(name) ?? 0}:100`)

  private read(command: readonly unknown[], done: BackingCallback): void {
    const reply = (): BackingReply =>
      command[0] === 'GET'
        ? Buffer.from(String(this.version))
        : command.slice(2).map((name) => this.entry(String(name)))
    const answer = (): void => done(null, reply())
    if (this.waits) this.asked.push(answer)
    else answer()
  }

  answer(): void {
    for (const answer of this.asked.splice(0)) answer()
  }

  readonly backing = {
    onLoss() {},
    read: (_automation: Automation, command: readonly unknown[], done: BackingCallback) =>
      this.read(command, done),
    call: async () => [
      Buffer.from('0'),
      Array.from(this.index.keys(), (name) => [Buffer.from(name), this.entry(name)]).flat(),
    ],
    script: (...args: Parameters<Backing['script']>) =>
      this.isDown
        ? args[4](new Error('down'), null)
        : args[4](null, [Buffer.from(this.stamp), Buffer.from(String(Date.now()))]),
  } as unknown as Backing

  readonly bus: MessageBus = {
    onLoss: (listener) => {
      this.lose = listener
    },
    onReturn: (listener) => {
      this.returns = listener
    },
    subscribe: async (_automation, _channel, listener) => {
      this.receive = listener
    },
    unsubscribe() {},
    close() {},
  }

  publish(name: string, version: number, expires: number | '' = 0): void {
    this.receive(Buffer.from(`${Date.now()}:${name.length}:${version}:${expires}:${name}`))
  }

  publishBytes(bytes: string): void {
    this.receive(Buffer.from(bytes))
  }
}

let elsewhere: Elsewhere
let tracking: KeyTracking
let tracker: NotingTracker
let reported: Error[]

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
  elsewhere = new Elsewhere()
  reported = []
  const held = new HeldBytes({ maxHeldBytesPerAutomation: 64 * MIB, maxHeldBytes: 64 * MIB })
  const report = (error: Error): void => void reported.push(error)
  tracking = new KeyTracking(elsewhere.backing, elsewhere.bus, held, new Turns(fail), report)
  tracker = new NotingTracker()
})
afterEach(() => {
  tracking.close()
  vi.useRealTimers()
})

const join = (prefixes: readonly string[] = []): Promise<void> =>
  tracking.join(
    elsewhere.automation,
    tracker,
    prefixes.map((each) => Buffer.from(each)),
  )
const read = (...names: string[]): void =>
  tracking.read(
    elsewhere.automation,
    tracker,
    names.map((each) => Buffer.from(each)),
  )
/** What is told of many is told in parts. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('what the read has seen is not told, what it has not is told once', async () => {
  await join()
  read('k')
  elsewhere.publish('k', 10)
  expect(tracker.told).toEqual([])
  elsewhere.publish('k', 11)
  elsewhere.publish('k', 12)
  expect(tracker.told).toEqual([['k']])
})

test('what changes before that is known is told when it is', async () => {
  await join()
  elsewhere.waits = true
  read('k', 'l')
  elsewhere.publish('k', 10)
  elsewhere.publish('l', 11)
  expect(tracker.told).toEqual([])
  elsewhere.answer()
  expect(tracker.told).toEqual([['l']])
  elsewhere.publish('k', 12)
  expect(tracker.told).toEqual([['l'], ['k']])
})

test('a change that is told to nobody does not end the tracking of who has read behind it', async () => {
  await join()
  tracker.missesChanges = true
  read('k')
  // Its own change, of which the message is late.
  read('k')
  elsewhere.publish('k', 11)
  expect(tracker.told).toEqual([['k']])
  elsewhere.publish('k', 12)
  elsewhere.publish('k', 13)
  expect(tracker.told).toEqual([['k'], ['k']])
})

test('a name whose changes become many before that is known is told at once', async () => {
  await join()
  elsewhere.waits = true
  read('k')
  for (let i = 0; i < 65; i++) elsewhere.publish('k', 1)
  expect(tracker.told).toEqual([['k']])
  elsewhere.answer()
  expect(tracker.told).toEqual([['k']])
})

test('while the bus is down, all is out of date, and each key that is read', async () => {
  await join()
  read('k')
  elsewhere.lose()
  expect(tracker.told.splice(0)).toEqual([undefined])
  read('k')
  expect(tracker.told.splice(0)).toEqual([['k']])
  // Who is told by prefixes reads without being noted.
  vi.advanceTimersByTime(LIVENESS.renewMs)
  expect(tracker.told.splice(0)).toEqual([undefined])
  elsewhere.returns()
  await settled()
  expect(tracker.told.splice(0)).toEqual([undefined, undefined])
  read('k')
  elsewhere.publish('k', 11)
  expect(tracker.told).toEqual([['k']])
})

test('a stamp that lapsed unseen makes all out of date', async () => {
  await join()
  read('k')
  vi.advanceTimersByTime(LIVENESS.renewMs)
  await settled()
  expect(tracker.told).toEqual([])
  elsewhere.stamp = 'another'
  vi.advanceTimersByTime(LIVENESS.renewMs)
  await settled()
  expect(tracker.told.splice(0)).toEqual([undefined])
  // What was read before is not told again.
  elsewhere.publish('k', 11)
  expect(tracker.told).toEqual([])
})

test('a stamp that cannot be renewed makes all out of date, until it can', async () => {
  await join()
  elsewhere.isDown = true
  vi.advanceTimersByTime(LIVENESS.lastsMs)
  await settled()
  vi.advanceTimersByTime(LIVENESS.renewMs)
  await settled()
  expect(tracker.told.length).toBeGreaterThan(0)
  tracker.told.splice(0)
  read('k')
  expect(tracker.told.splice(0)).toEqual([['k']])
  elsewhere.isDown = false
  vi.advanceTimersByTime(LIVENESS.renewMs)
  await settled()
  tracker.told.splice(0)
  read('k')
  expect(tracker.told).toEqual([])
})

test('keys that expire are told after their time, by the TTL that they had when they were read', async () => {
  elsewhere.index.set('k', Date.now() + 1_000)
  await join()
  read('k', 'l')
  vi.advanceTimersByTime(1_000)
  expect(tracker.told).toEqual([])
  vi.advanceTimersByTime(500)
  expect(tracker.told).toEqual([['k']])
})

test('keys under a prefix are told when they expire', async () => {
  elsewhere.index = new Map([
    ['p', Date.now() + 1_000],
    ['other', Date.now() + 1_000],
  ])
  await join(['p'])
  elsewhere.publish('pq', 11, Date.now() + 2_000)
  elsewhere.publish('other', 12, Date.now() + 2_000)
  expect(tracker.told.splice(0)).toEqual([['pq']])
  vi.advanceTimersByTime(1_000)
  expect(tracker.told).toEqual([])
  vi.advanceTimersByTime(1_500)
  expect(tracker.told.splice(0)).toEqual([['p'], ['pq']])
  // Its TTL is longer in the end.
  elsewhere.publish('p', 13, Date.now() + 1_000)
  elsewhere.publish('p', 14, Date.now() + 5_000)
  tracker.told.splice(0)
  vi.advanceTimersByTime(4_000)
  expect(tracker.told).toEqual([])
  vi.advanceTimersByTime(1_500)
  expect(tracker.told).toEqual([['p']])
})

test('when more keys are to expire than can be remembered, all is told from time to time', async () => {
  const now = Date.now()
  for (let i = 0; i < 100_010; i++) elsewhere.index.set(`p${i}`, now + 10_000 + i)
  elsewhere.index.set('other', now + 1_000)
  await join(['p'])
  elsewhere.publish('p-new', 11, now + 500)
  expect(tracker.told.splice(0)).toEqual([['p-new']])
  // There is no room for it: all is looked at again, and told to be out of date.
  vi.advanceTimersByTime(1_000)
  await settled()
  expect(tracker.told.splice(0)).toEqual([undefined])
  elsewhere.index = new Map([['p0', now + 200_000]])
  vi.advanceTimersByTime(120_000)
  await settled()
  expect(tracker.told).toContain(undefined)
  tracker.told.splice(0)
  vi.advanceTimersByTime(90_000)
  await settled()
  expect(tracker.told).toContainEqual(['p0'])
})

test('a backlog that grows is told as everything', async () => {
  const others = Array.from({ length: 100 }, () => new NotingTracker())
  await join([''])
  for (const each of others) await tracking.join(elsewhere.automation, each, [Buffer.from('')])
  const name = 'n'.repeat(10_000)
  for (let i = 0; i < 2_000; i++) elsewhere.publish(name, 11 + i)
  await settled()
  for (const { told } of [tracker, ...others]) {
    expect(told.length).toBeLessThan(1_000)
    expect(told).toContain(undefined)
  }
})

test('a message that cannot be read is reported, and makes all out of date', async () => {
  await join()
  elsewhere.publishBytes('nonsense')
  expect(reported).toHaveLength(1)
  expect(tracker.told).toEqual([undefined])
})
