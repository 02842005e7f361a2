import { beforeEach, expect, test } from 'vitest'
import { Automations } from '../../../src/automation/automation.ts'
import { Keyring } from '../../../src/automation/keyring.ts'
import type { Change } from '../../../src/engine/tracking/change.ts'
import type { KeyTracking } from '../../../src/engine/tracking/key-tracking.ts'
import type { PushReply } from '../../../src/reply/reply.ts'
import {
  ClientTracking,
  type ReplyPlace,
  type TrackingConnection,
  type TrackingOptions,
} from '../../../src/session/client-tracking.ts'
import type { Session } from '../../../src/session/session.ts'

const automation = new Automations(
  Keyring.fromSettings({ secret: 'a-secret-for-tests-of-32-bytes-and-more' }),
).get('a')
const OPTIONS: TrackingOptions = {
  redirect: undefined,
  isBroadcast: true,
  optIn: false,
  optOut: false,
  noLoop: false,
}
const change = (name: string, version = 1, isShared = false): Change => ({
  name: Buffer.from(name),
  version,
  isShared,
  expires: 0,
})

let pushed: string[]
let place: ReplyPlace | undefined
const connection: TrackingConnection = {
  id: 1,
  protocol: 3,
  subscribed: false,
  automation,
  isOpen: true,
  memory: { take() {}, give() {} } as unknown as Session['memory'],
  context: { keyTracking: {} as KeyTracking },
  push: ({ items: [, names] }: PushReply) =>
    void pushed.push(names === null ? 'everything' : (names as Buffer[]).join()),
  lastStarted: () => place,
}
const trackingOf = (options: Partial<TrackingOptions> = {}): ClientTracking =>
  new ClientTracking(connection, automation, { ...OPTIONS, ...options })
const reply = (): ReplyPlace => ({ behind: undefined })
const send = ({ behind = [] }: ReplyPlace): void => {
  for (const task of behind) task()
}

beforeEach(() => {
  pushed = []
  place = undefined
})

test('is told at once when no reply is on its way, else behind the last', () => {
  const tracking = trackingOf()
  tracking.tell([change('a'), change('b'), change('a')])
  expect(pushed.splice(0)).toEqual(['a,b'])
  const [first, second] = [reply(), reply()]
  place = first
  tracking.tell([change('c')])
  place = second
  tracking.tell([change('d')])
  tracking.tell([change('e')])
  expect(pushed).toEqual([])
  send(first)
  expect(pushed.splice(0)).toEqual(['c'])
  send(second)
  expect(pushed).toEqual(['d', 'e'])
})

test('what waits behind replies is bounded: then everything is told, once', () => {
  const tracking = trackingOf()
  const places = [reply(), reply(), reply()]
  place = places[0]
  for (let i = 0; i < 3_000; i++) tracking.tell([change(`a${i}`)])
  place = places[1]
  for (let i = 0; i < 3_000; i++) tracking.tell([change(`b${i}`)])
  place = places[2]
  tracking.tell([change('c')])
  places.forEach(send)
  expect(pushed).toEqual(['everything', 'c'])
})

test('everything covers what was to be told before', () => {
  const tracking = trackingOf()
  place = reply()
  tracking.tell([change('a')])
  tracking.tell(undefined)
  tracking.tell([change('b')])
  send(place)
  expect(pushed).toEqual(['everything'])
})

test('with NOLOOP is not told of what it changed alone', () => {
  const tracking = trackingOf({ noLoop: true })
  tracking.wrote!(5)
  tracking.tell([change('own', 5), change('of-others', 6), change('of-several', 5, true)])
  expect(pushed.splice(0)).toEqual(['of-others,of-several'])
  // Behind a link that was lost versions may come again.
  tracking.tell(undefined)
  tracking.tell([change('not-own', 5)])
  expect(pushed).toEqual(['everything', 'not-own'])
  expect(trackingOf().wrote).toBeUndefined()
})
