import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LingeringClose } from '../../../../src/servers/resp/lingering-close.ts'

let server: Server
let socket: Socket
let peer: Socket

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  peer = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  socket = await accepted
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
  socket.destroy()
  peer.destroy()
  server.close()
})

const finished = (of: Socket): Promise<unknown> =>
  of.writableFinished ? Promise.resolve() : new Promise((resolve) => of.once('finish', resolve))

test('what was left is sent, and a peer that closes its side ends it', async () => {
  let received = ''
  peer.on('data', (chunk) => (received += chunk))
  const ended = new Promise((resolve) => peer.once('end', resolve))
  socket.write('last')
  new LingeringClose(socket).begin(false)
  await ended
  expect(received).toBe('last')
  expect(socket.destroyed).toBe(false)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  peer.end()
  await closed
})

test('a peer that has got everything and stays is dropped a second later', async () => {
  peer.resume()
  new LingeringClose(socket).begin(false)
  await finished(socket)
  vi.advanceTimersByTime(999)
  expect(socket.destroyed).toBe(false)
  vi.advanceTimersByTime(1)
  expect(socket.destroyed).toBe(true)
})

test.each([
  ['half a minute', false, 30_000],
  ['a second, when it is not logged in', true, 1_000],
])('a peer that does not read has %s', (_title, unauthenticated, ms) => {
  socket.cork()
  socket.write('never sent, as it is corked')
  const end = vi.spyOn(socket, 'end').mockReturnValue(socket)
  new LingeringClose(socket).begin(unauthenticated)
  expect(end).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(ms - 1)
  expect(socket.destroyed).toBe(false)
  vi.advanceTimersByTime(1)
  expect(socket.destroyed).toBe(true)
})

test('a peer that sends on and on is dropped after a bound', async () => {
  peer.resume()
  peer.on('error', () => {})
  new LingeringClose(socket).begin(false)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  for (let i = 0; i < 64; i++) peer.write(Buffer.alloc(32_768))
  await closed
  expect(socket.bytesRead).toBeLessThan(64 * 32_768)
})

test('once the socket is closed, no timer is left', async () => {
  const lingering = new LingeringClose(socket)
  lingering.begin(false)
  await finished(socket)
  lingering.stop()
  expect(vi.getTimerCount()).toBe(0)
})
