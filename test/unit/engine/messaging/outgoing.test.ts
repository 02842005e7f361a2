import { expect, test } from 'vitest'
import { OutgoingMessages } from '../../../../src/engine/messaging/outgoing.ts'
import { Computation } from '../../../../src/engine/optimistic/computation.ts'
import type { Job } from '../../../../src/engine/optimistic/job.ts'
import { outcomesOf } from '../../../../src/engine/optimistic/outcome.ts'
import { NotLoaded } from '../../../../src/engine/plaintext/not-loaded.ts'

const nobody = {
  stamp: 's',
  mayHear: () => true,
  receivers: () => 0,
  numbers: () => new Map<string, number>(),
}
const CHANNEL = Buffer.from('c')

const publish = (messages: OutgoingMessages, text: string | Buffer): number =>
  messages.publish('channel', CHANNEL, Buffer.from(text as string))
const textsOf = ({ all }: OutgoingMessages): string[] => all.map(({ message }) => message.toString())

test('what a job or a part of it published is taken back with it', () => {
  const messages = new OutgoingMessages(() => nobody)
  messages.beginJob()
  publish(messages, 'first')
  messages.beginJob()
  publish(messages, 'second')
  const failing = (): void =>
    messages.attempt(() => {
      publish(messages, 'third')
      throw new Error('failed')
    })
  expect(failing).toThrow('failed')
  expect(textsOf(messages)).toEqual(['first', 'second'])
  messages.attempt(() => publish(messages, 'fourth'))
  expect(textsOf(messages)).toEqual(['first', 'second', 'fourth'])
  messages.rollback()
  expect(textsOf(messages)).toEqual(['first'])
})

test('each job has its own limits, and what was taken back does not count', () => {
  const messages = new OutgoingMessages(() => nobody)
  const megabyte = Buffer.alloc(1024 * 1024 - 20)
  for (let job = 0; job < 3; job++) {
    messages.beginJob()
    for (let i = 0; i < 3; i++) publish(messages, megabyte)
    const failing = (): void =>
      messages.attempt(() => {
        publish(messages, megabyte)
        publish(messages, megabyte)
      })
    expect(failing).toThrow('may publish 4194304 bytes')
    publish(messages, megabyte)
    expect(() => publish(messages, megabyte)).toThrow('may publish 4194304 bytes')
  }
  expect(messages.all).toHaveLength(12)
})

test('nothing is published as long as it is not known who listens', () => {
  const messages = new OutgoingMessages(() => {
    throw new NotLoaded('listeners')
  })
  expect(() => publish(messages, 'x')).toThrow(NotLoaded)
  expect(messages.stamp).toBeUndefined()
  expect(messages.all).toEqual([])
})

test('a batch ends with the job that makes it publish much', () => {
  const snapshot = {
    automation: undefined as never,
    now: 0,
    version: '0',
    forgottenDeletion: 0,
    keys: new Map(),
    complete: false,
    events: '',
    fromCache: false,
    load: () => {},
  }
  const outside = { listeners: () => nobody, info: () => undefined, libraries: () => undefined }
  const computation = new Computation(snapshot, { maxValueSize: 1 }, outside)
  const large = Buffer.alloc(400_000)
  const job: Job<number> = {
    needs: [],
    run: (db) => db.messages.publish('channel', CHANNEL, large),
    done: () => {},
  }
  const batch = Array.from({ length: 10 }, () => ({ job: job as Job<unknown>, deadline: Infinity }))
  const outcomes = outcomesOf(batch, computation, { of: () => undefined } as never)
  expect(outcomes).toHaveLength(3)
  expect(computation.mustCommit).toBe(true)
})
