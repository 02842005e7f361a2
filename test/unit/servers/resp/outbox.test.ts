import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SimpleString } from '../../../../src/reply/reply.ts'
import { Outbox } from '../../../../src/servers/resp/outbox.ts'
import { RespClient } from '../../../helpers/resp-client.ts'

let server: Server
let socket: Socket
let client: RespClient

beforeEach(async () => {
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  client = await RespClient.connect((server.address() as AddressInfo).port)
  socket = await accepted
})

const unexpected = (fault: Error): void => {
  throw fault
}

afterEach(() => {
  socket.destroy()
  client.destroy()
  server.close()
})

test('the replies of a turn leave together, in order, each in its protocol', async () => {
  const flushed = vi.fn()
  const write = vi.spyOn(socket, 'write')
  const outbox = new Outbox(socket, flushed, unexpected)
  outbox.add(new SimpleString('OK'), 2)
  outbox.add(null, 2)
  outbox.add(null, 3)
  outbox.add(7, 3)
  expect(outbox.unsentBytes).toBe('+OK\r\n$-1\r\n_\r\n:7\r\n'.length)
  expect(write).not.toHaveBeenCalled()
  expect(await client.frames(4)).toEqual(['+OK\r\n', '$-1\r\n', '_\r\n', ':7\r\n'])
  expect([write.mock.calls.length, flushed.mock.calls.length]).toEqual([1, 1])
})

test('it tells of the end of a turn without replies too, once', async () => {
  const flushed = vi.fn()
  const outbox = new Outbox(socket, flushed, unexpected)
  outbox.schedule()
  outbox.schedule()
  await nextTurn()
  expect(flushed).toHaveBeenCalledOnce()
})

test('a large reply is what the next ones are expected to be, and is forgotten by and by', () => {
  const outbox = new Outbox(socket, () => {}, unexpected)
  const expected = outbox.replyBytes
  outbox.add(Buffer.alloc(1024 * 1024), 2)
  const large = outbox.replyBytes
  expect(large).toBeGreaterThan(1024 * 1024)
  for (let i = 0; i < 30; i++) outbox.add(1, 2)
  expect(outbox.replyBytes).toBeLessThan(expected)
})

test('what cannot be encoded is reported and ends the connection', async () => {
  const faults: Error[] = []
  const outbox = new Outbox(
    socket,
    () => {},
    (error) => void faults.push(error),
  )
  // No value of the type Reply fails: this is a fault of ours.
  outbox.add(Symbol('no reply') as never, 2)
  expect([faults.length, socket.destroyed]).toEqual([1, true])
  expect(await client.framesUntilClosed()).toEqual([])
})

test('nothing is written to a socket that is closed', async () => {
  const flushed = vi.fn()
  const outbox = new Outbox(socket, flushed, unexpected)
  outbox.add(1, 2)
  socket.destroy()
  await nextTurn()
  expect(flushed).not.toHaveBeenCalled()
})
