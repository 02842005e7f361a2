import { connect } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { RespClient, request } from '../helpers/resp-client.ts'
import { startServer, type TestServer } from '../helpers/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startServer({ AUTOMATION_KV_MAX_BACKLOG: '1048576' })
})
afterAll(() => server.stop())

let automations = 0
const ownAutomation = (): string => `monitor-${++automations}`

async function login(automation: string, scope?: string): Promise<RespClient> {
  const client = await RespClient.connect(server.app.ports.resp)
  onTestFinished(() => client.destroy())
  await client.raw('AUTH', await server.token(automation, scope === undefined ? {} : { scope }))
  return client
}

async function monitor(automation: string): Promise<RespClient> {
  const client = await login(automation)
  expect(await client.raw('MONITOR')).toBe('+OK\r\n')
  return client
}

test('a neighbour is shown nothing, whatever its own commands are', async () => {
  const [automation, neighbour] = [ownAutomation(), ownAutomation()]
  const [own, strange] = [await monitor(automation), await monitor(neighbour)]
  await (await login(automation)).raw('SET', 'k', 'content')
  await server.fetch(automation, 'PUT', '/kv/other', '"content"')
  await (await login(neighbour)).raw('ECHO', 'mine')
  expect(await own.frame()).toContain('"SET" "k" "content"')
  expect(await own.frame()).toMatch(/\[0 http:127\.0\.0\.1:\d+\] "PUT" "\/api\/automation\/v1\/kv\/other"/)
  expect(await strange.frame()).toContain('"ECHO" "mine"')
})

test('long arguments are cut, and so is what a script calls without end', async () => {
  const automation = ownAutomation()
  const [lines, client] = [await monitor(automation), await login(automation)]
  await client.raw('SET', 'k', Buffer.alloc(200_000, 'x'))
  const line = await lines.frame()
  expect(line.length).toBeLessThan(66_000)
  expect(line).toContain(`"... (${200_000 - 65_536 + 'SET'.length + 1 + 'k'.length + 1} more bytes)"`)
  await client.raw('EVAL', 'for i = 1, 10000 do redis.call("GET", KEYS[1]) end', '1', 'none')
  expect(await lines.frame()).toContain('"EVAL"')
  let calls = 0
  for (let call = await lines.frame(); ; call = await lines.frame()) {
    expect(call).toContain('[0 lua] ')
    calls++
    if (call.includes('more calls')) break
  }
  expect(calls).toBeLessThan(5_000)
})

test('one that does not read is cut, and others go on', async () => {
  const automation = ownAutomation()
  const client = await login(automation)
  const slow = connect(server.app.ports.resp, '127.0.0.1')
  onTestFinished(() => void slow.destroy())
  slow.on('error', () => {})
  slow.write(Buffer.concat([request('AUTH', await server.token(automation)), request('MONITOR')]))
  slow.pause()
  const value = Buffer.alloc(60_000, 'x')
  const isThere = async (): Promise<boolean> => (await client.raw('CLIENT', 'LIST')).includes('flags=O')
  while (!(await isThere()));
  while (await isThere()) expect(await client.raw('SET', 'k', value)).toBe('+OK\r\n')
  expect(await client.raw('GET', 'k')).toContain('xxx')
})

test('there are so many monitors at a time, and no more', async () => {
  const automation = ownAutomation()
  const all: RespClient[] = []
  for (let i = 0; i < 8; i++) all.push(await monitor(automation))
  const next = await login(automation)
  expect(await next.raw('MONITOR')).toMatch(/^-ERR too many connections in MONITOR: 8 /)
  for (all[0]!.send('RESET'); (await all[0]!.frame()) !== '+RESET\r\n'; );
  expect(await next.raw('MONITOR')).toBe('+OK\r\n')
})
