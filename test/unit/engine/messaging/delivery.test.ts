import { expect, test } from 'vitest'
import { Automations } from '../../../../src/automation/automation.ts'
import { Keyring } from '../../../../src/automation/keyring.ts'
import { locations } from '../../../../src/automation/location.ts'
import type { Backing, MessageBus, OnMessage } from '../../../../src/backing/backing.ts'
import { ListenerRecords } from '../../../../src/engine/messaging/listener-records.ts'
import { encodeMessages, type Message } from '../../../../src/engine/messaging/message.ts'
import { PubSub } from '../../../../src/engine/messaging/pubsub.ts'
import { Turns } from '../../../../src/fair-share/turns.ts'
import type { Log } from '../../../../src/observability/log.ts'
import { eventually } from '../../../helpers/eventually.ts'

const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false }
const fail = (error: Error): void => {
  throw error
}

/** A listener of channel `c`, and how messages come to its process. */
async function start(
  hears: (text: string) => void = () => {},
): Promise<{ got: string[]; arrive: (messages: readonly Message[]) => void }> {
  const automation = new Automations(
    Keyring.fromSettings({ secret: 'a-secret-for-tests-of-32-bytes-and-more' }),
  ).get('a')
  let receive: OnMessage = () => {}
  const bus: MessageBus = {
    onLoss() {},
    onReturn() {},
    subscribe: async (_automation, _channel, listener) => {
      receive = listener
    },
    unsubscribe() {},
    close() {},
  }
  // Of all that a backing has, announcing needs this.
  const backing = {
    onLoss() {},
    script: (...args: Parameters<Backing['script']>) => args[4](null, [Buffer.from(''), Buffer.from('s')]),
  } as unknown as Backing
  const pubsub = new PubSub(backing, bus, new ListenerRecords(backing), new Turns(fail), QUIET)
  const got: string[] = []
  const deliver = (_kind: unknown, _channel: Buffer, message: Buffer): void => {
    const text = message.subarray(0, 5).toString()
    hears(text)
    got.push(text)
  }
  await pubsub.subscribe(automation, 'channel', [Buffer.from('c')], { deliver })
  const arrive = (messages: readonly Message[]): void => {
    for (const frame of encodeMessages(messages))
      receive(automation.sealer.seal(locations.message(''), frame, false))
  }
  return { got, arrive }
}

const numbered = (from: number, count: number, bytes = 5): Message[] =>
  Array.from({ length: count }, (_, i) => {
    const message = Buffer.alloc(bytes)
    message.write(String(from + i).padStart(5, '0'))
    return { kind: 'channel', channel: Buffer.from('c'), message }
  })
const numbers = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => String(i).padStart(5, '0'))

test('a single message is delivered at once', async () => {
  const { got, arrive } = await start()
  arrive(numbered(0, 1))
  arrive(numbered(1, 1))
  expect(got).toEqual(numbers(2))
})

test('many at once are delivered in parts, and what comes after them waits', async () => {
  const { got, arrive } = await start()
  arrive(numbered(0, 5_000))
  arrive(numbered(5_000, 1))
  expect(got.length).toBeLessThan(200)
  await eventually(() => got.length === 5_001)
  expect(got).toEqual(numbers(5_001))
})

test('no more than some bytes wait', async () => {
  const { got, arrive } = await start()
  arrive(numbered(0, 10_000, 1_000))
  const waiting = (10_000 - got.length) * 1_000
  expect(waiting).toBeLessThan(5 * 1024 * 1024)
  await eventually(() => got.length === 10_000)
  expect(got).toEqual(numbers(10_000))
})

test('a fault of a listener does not keep back what comes after it', async () => {
  const { got, arrive } = await start((text) => {
    if (text === '00002') throw new Error('a fault')
  })
  expect(() => arrive(numbered(0, 500))).toThrow('a fault')
  arrive(numbered(500, 1))
  await eventually(() => got.length === 500)
  expect(got).toEqual(numbers(501).filter((text) => text !== '00002'))
})
