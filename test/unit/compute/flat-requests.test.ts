import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { BackingReply } from '../../../src/backing/backing.ts'
import { type FlatReply, type FlatRequest, FlatRequests } from '../../../src/compute/flat-requests.ts'
import type { RemoteRequest } from '../../../src/engine/optimistic/remote-compute.ts'
import { Turns } from '../../../src/fair-share/turns.ts'
import { unflatten } from '../../../src/protocol/flat.ts'
import { automationOf } from '../helpers.ts'

const VALUES = 20_000
const LONG: readonly BackingReply[] = [Array.from({ length: VALUES }, (_, i) => Buffer.from(`value ${i}`))]
const SHORT: readonly BackingReply[] = [[Buffer.from('one'), null]]

function start(read: RemoteRequest['read'] = () => {}) {
  const errors: Error[] = []
  const turns = new Turns((error) => void errors.push(error))
  const sent: FlatRequest[] = []
  const requests = new FlatRequests({ compute: (request) => void sent.push(request) }, turns)
  const compute = (reply: readonly BackingReply[]): void => {
    const request = {
      automation: automationOf('flat'),
      needs: [],
      reply,
      jobs: [],
      read,
      libraries: undefined,
    }
    requests.compute(
      { ...request, complete: false, streamCounters: true, outside: Buffer.alloc(0) },
      (error) => void errors.push(error!),
    )
  }
  const pieces = async (): Promise<number> => {
    const line = turns.lineOf('flat')
    do await nextTurn()
    while (line.queued > 0)
    return turns.counters.queued
  }
  return { sent, errors, compute, pieces }
}

test('a long snapshot is laid flat in parts before it goes to another thread', async () => {
  const { sent, errors, compute, pieces } = start()
  compute(LONG)
  expect(sent).toEqual([])
  expect(await pieces()).toBeGreaterThan(VALUES / 1_024 - 2)
  expect(unflatten(...sent[0]!.reply)).toEqual([LONG])
  expect(errors).toEqual([])
})

test('so is one that a job waits for there', async () => {
  const { sent, compute, pieces } = start((_needs, done) => done(null, LONG))
  compute(SHORT)
  expect(unflatten(...sent[0]!.reply)).toEqual([SHORT])
  const answers: (FlatReply | undefined)[] = []
  sent[0]!.read([], (_error, reply) => void answers.push(reply))
  expect(answers).toEqual([])
  expect(await pieces()).toBeGreaterThan(VALUES / 1_024 - 2)
  expect(unflatten(...answers[0]!)).toEqual([LONG])
})

test('what could not be read is told as it is', () => {
  const failure = new Error('unavailable')
  const { sent, compute } = start((_needs, done) => done(failure))
  compute(SHORT)
  let told: Error | null = null
  sent[0]!.read([], (error) => (told = error))
  expect(told).toBe(failure)
})
