import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RespClient, request } from '../helpers/resp-client.ts'
import { exchange } from './sequences/exchange.ts'
import { chunksOf } from './sequences/run-sequence.ts'
import { type Sequence, type Step, sequences, showStep } from './sequences/sequences.ts'
import { type Connections, type ServerPair, type Side, startServerPair } from './sequences/server-pair.ts'
import type { Command } from './sequences/words.ts'

/**
 * Random commands with keyspace notifications on: a real Redis and this server must tell of the same events,
 * in the same order. Keys that expire do so at moments of their own: see test/integration/keyspace-events.
 */

const { AUTOMATION_KV_TEST_RUNS: runs, AUTOMATION_KV_TEST_SEED: seed, CI: ci } = process.env
const numRuns = Number(runs ?? 400)
const TIME_LIMIT_MS = 20_000
const EVENTS = 'g$lshzetdnKE'
const END = '__keyend__:'

let servers: ServerPair

beforeAll(async () => {
  servers = await startServerPair()
})
afterAll(() => servers?.stop())

/** Who listens on one side, and what it heard since it was last asked. */
interface Listener {
  readonly client: RespClient
  readonly side: Side
}

const text = (words: readonly string[]): Command => words.map((word) => Buffer.from(word))

async function listenTo(side: Side, client: RespClient): Promise<Listener> {
  expect(await side.other.raw('CONFIG', 'SET', 'notify-keyspace-events', EVENTS)).toBe('+OK\r\n')
  await client.raw('PSUBSCRIBE', '__key*__:*')
  return { client, side }
}

let marks = 0

/** The events up to now, each as `channel message`. */
async function heard({ client, side }: Listener): Promise<string[]> {
  const mark = String(++marks)
  await exchange(side.other, request(...text(['PUBLISH', END, mark])), 1)
  const events: string[] = []
  for (;;) {
    const [, , , channel, message] = (await client.frame()).split(/\r\n\$\d+\r\n|\r\n$/)
    if (channel === END && message === mark) return events
    events.push(`${channel} ${message}`)
  }
}

/** A pop at random leaves another set on each side. */
const certain = (args: Command): Command =>
  /^spop$/i.test(args[0]!.toString('latin1')) ? [...args.slice(0, 2), Buffer.from('100')] : args

async function run(listeners: readonly Listener[], { protocol, steps }: Sequence): Promise<void> {
  const send = async (on: Step['on'], commands: readonly Command[]): Promise<void> => {
    const bytes = Buffer.concat(commands.map((args) => request(...certain(args))))
    await Promise.all(listeners.map(({ side }) => exchange(side[on], bytes, commands.length)))
  }
  for (const on of ['main', 'other'] as const)
    await send(on, [text(['DISCARD']), text(['UNWATCH']), text(['FLUSHALL'])])
  await Promise.all(listeners.map(heard))
  const transcript = [`RESP${protocol}`]
  for (const chunk of chunksOf(steps)) {
    await send(
      chunk[0]!.on,
      chunk.map(({ args }) => args),
    )
    transcript.push(...chunk.map(showStep))
    const [redis, ours] = await Promise.all(listeners.map(heard))
    if (ours!.join() !== redis!.join())
      throw new Error([...transcript, 'redis:', ...redis!, 'ours:', ...ours!].join('\n'))
  }
  await send('main', [text(['DISCARD'])])
}

async function listenersOf(connections: Connections, token: string, redisUrl: string): Promise<Listener[]> {
  const [real, ours] = await Promise.all([RespClient.connect(redisUrl), RespClient.connect(servers.port)])
  await ours.raw('AUTH', token)
  return [await listenTo(connections.redis, real), await listenTo(connections.ours, ours)]
}

test('random sequences tell of the same events as in a real Redis', {
  timeout: runs === undefined ? 120_000 : 2 ** 31 - 1,
}, async () => {
  const connections = await servers.connections(2)
  const token = await servers.token(2)
  const listeners = await listenersOf(connections, token, servers.referenceUrl(2))
  const outcome = await fc.check(
    fc.asyncProperty(sequences, (sequence) => run(listeners, sequence)),
    {
      numRuns,
      ...(seed === undefined && ci !== 'true' ? {} : { seed: Number(seed ?? 7) }),
      ...(runs === undefined ? { interruptAfterTimeLimit: TIME_LIMIT_MS } : {}),
    },
  )
  for (const { client } of listeners) client.destroy()
  if (outcome.failed) throw new Error(fc.defaultReportMessage(outcome), { cause: outcome.errorInstance })
  expect(outcome.numRuns).toBeGreaterThan(0)
})
