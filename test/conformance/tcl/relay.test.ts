import { afterAll, beforeAll, expect, test } from 'vitest'
import { RespClient } from '../../helpers/resp-client.ts'
import { startServer, type TestServer } from '../../helpers/server.ts'
import { requestsOf, startRelay } from './relay.mjs'

let server: TestServer
let relay: Awaited<ReturnType<typeof startRelay>>
let client: RespClient

beforeAll(async () => {
  server = await startServer()
  const token = await server.token('tcl')
  relay = await startRelay({ port: 0, host: '127.0.0.1', to: server.app.ports.resp, token })
  client = await RespClient.connect(relay.port)
})
afterAll(async () => {
  client?.destroy()
  relay?.stop()
  await server?.stop()
})

test('logs in, answers CONFIG and DEBUG in their place, and passes on the rest', async () => {
  const all = [
    'SET a 1',
    'CONFIG SET appendonly no',
    'GET a',
    'DEBUG SLEEP 0',
    'INCR a',
    'CONFIG GET x',
    'PING',
  ]
  for (const line of all) client.send(...line.split(' '))
  expect(await client.frames(all.length)).toEqual([
    '+OK\r\n',
    '+OK\r\n',
    '$1\r\n1\r\n',
    '+OK\r\n',
    ':2\r\n',
    '*0\r\n',
    '+PONG\r\n',
  ])
})

test('requests are cut where they end, however they come', () => {
  const bytes = Buffer.from('PING\r\n*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n')
  const whole = requestsOf(bytes)
  expect(whole.requests.map(({ words }) => words)).toEqual([['PING'], ['GET', 'a\r\n']])
  expect(whole.rest).toHaveLength(0)
  for (let at = 0; at < bytes.length; at++) {
    const { requests, rest } = requestsOf(bytes.subarray(0, at))
    expect(Buffer.concat([...requests.map(({ raw }) => raw), rest])).toEqual(bytes.subarray(0, at))
  }
})
