import { execFile, spawnSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from '../../helpers/eventually.ts'
import { startServer, type TestServer } from '../../helpers/server.ts'

const MIB = 1024 * 1024
const API = '/api/automation'

let server: TestServer
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await server.stop()
})

interface Raw {
  readonly socket: Socket
  text: string
  closed: boolean
}

/** A socket to the REST door that is written to by hand, and read unless told otherwise. */
const open = async (reads = true): Promise<Raw> => {
  const socket = connect(server.app.ports.http, '127.0.0.1')
  const raw: Raw = { socket, text: '', closed: false }
  sockets.push(socket)
  socket.on('error', () => {})
  socket.on('close', () => (raw.closed = true))
  if (reads) socket.on('data', (chunk: Buffer) => (raw.text += chunk.toString('latin1')))
  else socket.pause()
  await new Promise((resolve) => socket.once('connect', resolve))
  return raw
}

const head = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>> = {},
): string =>
  [
    `${method} ${API}${path} HTTP/1.1`,
    'host: x',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n')

const json = (token: string, length: number): Record<string, string | number> => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  'content-length': length,
})

/** A PUT whose body is still to come: resolves when the server waits for it. */
const openPut = async (path: string, token: string, length: number): Promise<Raw> => {
  const raw = await open()
  raw.socket.write(head('PUT', path, { ...json(token, length), expect: '100-continue' }))
  await eventually(() => raw.text.includes('100 Continue'))
  return raw
}

describe('connections', () => {
  test('one that sends nothing, or half a head, ends; one that was served stays', async () => {
    server = await startServer({ AUTOMATION_KV_LOGIN_TIMEOUT_MS: '500' })
    const token = await server.token('a')
    const silent = await open()
    const half = await open()
    half.socket.write(`GET ${API}/v1/kv/a HTTP/1.1\r\nhost: x\r\nx-filler: `)
    const drip = setInterval(() => half.socket.write('f'), 50)
    const served = await open()
    served.socket.write(head('GET', '/v1/kv', { authorization: `Bearer ${token}` }))
    await eventually(() => served.text.includes('"count":0'))
    await eventually(() => silent.closed && half.closed)
    clearInterval(drip)
    expect(served.closed).toBe(false)
  })

  test('a body that does not come whole is cut off', async () => {
    server = await startServer({ AUTOMATION_KV_HTTP_TIMEOUT_MS: '1000' })
    const token = await server.token('a')
    const slow = await open()
    slow.socket.write(`${head('PUT', '/v1/kv/a', json(token, 1_000))}"half of it`)
    await eventually(() => slow.closed)
    expect(slow.text).toContain('HTTP/1.1 408')
    expect((await server.fetch('a', 'GET', '/kv/a')).status).toBe(404)
  })

  test('beyond the bound the one that was idle for longest gives way; busy ones stay', async () => {
    server = await startServer({ AUTOMATION_KV_MAX_HTTP_CONNECTIONS: '10' })
    const token = await server.token('a')
    const busy = await openPut('/v1/kv/busy', token, 4)
    const silent: Raw[] = []
    for (let i = 0; i < 40; i++) silent.push(await open())
    await eventually(() => silent.filter(({ closed }) => closed).length >= 31)
    expect(silent.at(-1)!.closed).toBe(false)
    expect((await server.fetch('b', 'PUT', '/kv/k', '1')).status).toBe(201)
    busy.socket.write('"bb"')
    await eventually(() => busy.text.includes('HTTP/1.1 201'))
  })

  test('when all are busy a new one is told to come back', async () => {
    server = await startServer({ AUTOMATION_KV_MAX_HTTP_CONNECTIONS: '2' })
    const token = await server.token('a')
    for (let i = 0; i < 2; i++) await openPut(`/v1/kv/${i}`, token, 4)
    const refused = await open()
    await eventually(() => refused.text.includes(' 503 '))
    expect(refused.text.toLowerCase()).toContain('retry-after: 1')
    await eventually(() => refused.closed)
  })
})

describe('requests that are sent ahead on one connection', () => {
  test('are answered in order; a connection with many more of them ends', async () => {
    server = await startServer()
    const token = await server.token('ahead')
    const ask = (key: number): string => head('GET', `/v1/kv/k${key}`, { authorization: `Bearer ${token}` })
    const some = await open()
    some.socket.write(Array.from({ length: 16 }, (_, key) => ask(key)).join(''))
    await eventually(() => some.text.split('HTTP/1.1 404').length === 17)
    expect(some.closed).toBe(false)
    const many = await open()
    many.socket.write(Array.from({ length: 200 }, (_, key) => ask(key)).join(''))
    await eventually(() => many.closed)
    some.socket.write(ask(16))
    await eventually(() => some.text.split('HTTP/1.1 404').length === 18)
  })
})

describe('requests of one automation', () => {
  test('more than the limit wait and are answered; many more are refused; others do not wait', async () => {
    server = await startServer({ AUTOMATION_KV_MAX_HTTP_REQUESTS: '4' })
    const token = await server.token('greedy')
    const holders: Raw[] = []
    for (let i = 0; i < 4; i++) holders.push(await openPut(`/v1/kv/h${i}`, token, 3))
    const waiting: Raw[] = []
    for (let i = 0; i < 300; i++) {
      const raw = await open()
      raw.socket.write(head('GET', '/v1/kv/x', { authorization: `Bearer ${token}` }))
      waiting.push(raw)
    }
    await eventually(() => waiting.filter(({ text }) => text.includes(' 429 ')).length === 300 - 256)
    expect((await server.fetch('other', 'PUT', '/kv/k', '1')).status).toBe(201)
    expect(waiting.filter(({ text }) => text !== '').length).toBe(300 - 256)
    for (const { socket } of holders) socket.write('"x"')
    await eventually(() => waiting.every(({ text }) => / (404|429) /.test(text)))
    await eventually(() => holders.every(({ text }) => text.includes(' 201 ')))
  })

  test('those that wait leave room when they hang up', async () => {
    server = await startServer({ AUTOMATION_KV_MAX_HTTP_REQUESTS: '1' })
    const token = await server.token('a')
    for (let round = 0; round < 3; round++) {
      await openPut('/v1/kv/h', token, 3)
      for (let i = 0; i < 20; i++) {
        const raw = await open()
        raw.socket.write(head('GET', '/v1/kv/x', { authorization: `Bearer ${token}` }))
      }
      for (const socket of sockets.splice(0)) socket.destroy()
    }
    expect((await server.fetch('a', 'PUT', '/kv/k', '1')).status).toBe(201)
  })

  test('unfinished bodies are not all read: what is held of them is bounded', async () => {
    server = await startServer({
      AUTOMATION_KV_MAX_VALUE_SIZE: String(10 * MIB),
      AUTOMATION_KV_MAX_HTTP_BYTES: String(12 * MIB),
    })
    const token = await server.token('big')
    const before = process.memoryUsage.rss()
    const body = Buffer.alloc(10 * MIB - 1, 0x62)
    const all: Raw[] = []
    for (let i = 0; i < 5; i++) {
      const raw = await open()
      raw.socket.write(`${head('PUT', `/v1/kv/b${i}`, json(token, 10 * MIB + 2))}"`)
      raw.socket.write(body)
      all.push(raw)
    }
    // The first is read up to its missing end, the others wait with what the kernel holds.
    await eventually(() => all[0]!.socket.writableLength === 0)
    expect(all.slice(1).every(({ socket }) => socket.writableLength > 2 * MIB)).toBe(true)
    expect((await server.fetch('other', 'PUT', '/kv/k', '1')).status).toBe(201)
    expect((process.memoryUsage.rss() - before) / MIB).toBeLessThan(100)
    // Each in its turn comes through.
    for (const { socket } of all) socket.write('b"')
    await eventually(() => all.every(({ text }) => / 20[01] | 413 /.test(text)), 25_000)
  })
})

describe('answers that nobody reads', () => {
  test('are bounded by what one automation may hold, and cut in time; others are served', async () => {
    server = await startServer({
      AUTOMATION_KV_MAX_HTTP_BYTES: String(4 * MIB),
      AUTOMATION_KV_HTTP_TIMEOUT_MS: '2000',
    })
    const token = await server.token('lazy')
    expect((await server.fetch('lazy', 'PUT', '/kv/big', JSON.stringify('y'.repeat(MIB - 2)))).status).toBe(
      201,
    )
    await server.fetch('lazy', 'GET', '/kv/big')
    const readers: Raw[] = []
    for (let i = 0; i < 100; i++) {
      const raw = await open(false)
      raw.socket.write(head('GET', '/v1/kv/big', { authorization: `Bearer ${token}` }))
      readers.push(raw)
    }
    for (let i = 0; i < 20; i++)
      expect((await server.fetch('other', 'PUT', '/kv/k', '1')).status).toBeLessThan(300)
    expect(readers.filter(({ socket }) => socket.bytesRead > 0).length).toBeLessThan(20)
    // The connections of those that do not read end, so that in time all others have their turn.
    for (const { socket } of readers.slice(0, 50)) socket.destroy()
    await eventually(async () => (await server.fetch('lazy', 'GET', '/kv')).status === 200, 25_000)
  })
})

describe('a body that is refused before it was read', () => {
  const script = `
import sys, urllib.request, urllib.error
url, token, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
for _ in range(10):
    request = urllib.request.Request(url, data=b'"' + b'x' * size + b'"', method='PUT',
        headers={'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'})
    try:
        print(urllib.request.urlopen(request, timeout=20).status)
    except urllib.error.HTTPError as error:
        error.read()
        print(error.code, error.headers['Connection'])
    except Exception as error:
        print(type(error).__name__, error)
`
  const python = spawnSync('python3', ['--version']).status === 0

  test.skipIf(!python)('does not cost a sender that looks later its answer: urllib', async () => {
    server = await startServer()
    const token = await server.token('a')
    for (const [size, bearer, status] of [
      [2 * MIB, token, 413],
      [5 * MIB, token, 413],
      [2 * MIB, 'wrong', 401],
      [5 * MIB, 'wrong', 401],
    ] as const) {
      const { stdout } = await promisify(execFile)('python3', [
        '-c',
        script,
        `${server.api}/kv/a`,
        bearer,
        String(size),
      ])
      expect(stdout.trim().split('\n')).toEqual(Array.from({ length: 10 }, () => `${status} close`))
    }
  })

  test('is dropped up to a bound only, and never ends later than that', async () => {
    server = await startServer()
    const token = await server.token('a')
    const endless = await open()
    endless.socket.write(head('PUT', '/v1/kv/a', json(token, 1e12)))
    await eventually(() => endless.text.includes(' 413 '))
    const chunk = Buffer.alloc(MIB, 0x78)
    const feed = (): void => {
      if (!endless.socket.destroyed) endless.socket.write(chunk, feed)
    }
    feed()
    await eventually(() => endless.closed)
    expect(endless.socket.bytesWritten).toBeLessThan(64 * MIB)
  })

  test('of a request to nowhere is not kept', async () => {
    server = await startServer()
    const lost = await open()
    lost.socket.write(
      `${head('POST', '/nowhere', { 'content-type': 'application/json', 'content-length': 100_000 })}"`,
    )
    await eventually(() => lost.text.includes(' 404 '))
  })
})

describe('the documentation', () => {
  test('is shared by all readers, tagged, and bounded', async () => {
    server = await startServer()
    const origin = `http://127.0.0.1:${server.app.ports.http}`
    const file = '/docs/static/swagger-ui-bundle.js'
    const first = await fetch(`${origin}${API}${file}`)
    expect((await first.text()).length).toBeGreaterThan(MIB)
    expect(first.headers.get('content-type')).toContain('javascript')
    const etag = first.headers.get('etag')!
    const again = await fetch(`${origin}${API}${file}`, { headers: { 'if-none-match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
    const before = process.memoryUsage.rss()
    const readers: Raw[] = []
    for (let i = 0; i < 200; i++) {
      const raw = await open(false)
      // Of one answer the kernel takes all.
      raw.socket.write(head('GET', file).repeat(10))
      readers.push(raw)
    }
    let busy: Response | undefined
    await eventually(async () => {
      const more = await open(false)
      more.socket.write(head('GET', file).repeat(10))
      readers.push(more)
      busy = await fetch(`${origin}${API}/openapi.json`)
      return busy.status === 503
    })
    expect(busy!.headers.get('retry-after')).toBe('1')
    expect((await server.fetch('a', 'PUT', '/kv/k', '1')).status).toBe(201)
    expect((process.memoryUsage.rss() - before) / MIB).toBeLessThan(100)
    for (const path of ['/docs/nothing-there', '/docs/..%2f..%2fx', '/docs/static/%73wagger-ui-bundle.js'])
      expect([path, (await fetch(`${origin}${API}${path}`)).status]).toEqual([path, 503])
    for (const { socket } of readers) socket.destroy()
    await eventually(async () => (await fetch(`${origin}${API}/openapi.json`)).status === 200)
    for (const path of ['/docs/nothing-there', '/docs/..%2f..%2fx', '/docs/static/%73wagger-ui-bundle.js'])
      expect([path, (await fetch(`${origin}${API}${path}`)).status]).toEqual([path, 404])
  })

  test('a reader that does not read is cut', async () => {
    server = await startServer({ AUTOMATION_KV_HTTP_TIMEOUT_MS: '1000' })
    const lazy = await open(false)
    lazy.socket.write(head('GET', '/docs/static/swagger-ui-bundle.js').repeat(20))
    const probe = setInterval(() => lazy.socket.write('\r\n'), 100)
    await eventually(() => lazy.closed)
    clearInterval(probe)
  })
})
