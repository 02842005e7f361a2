import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Push, RespClient, request, show } from './resp-client.ts'
import { decodeReply, endOfReply } from './resp-reply.ts'

let server: Server
let accepted: Promise<Socket>
let client: RespClient

beforeEach(async () => {
  server = createServer()
  accepted = new Promise((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = await RespClient.connect((server.address() as AddressInfo).port)
})

afterEach(async () => {
  client.destroy()
  ;(await accepted).destroy()
  server.close()
})

const FRAMES: ReadonlyArray<readonly [frame: string, shown: string]> = [
  ['+OK\r\n', 'OK'],
  ['-ERR no\r\n', '-ERR no'],
  [':-12\r\n', '-12'],
  ['$5\r\na\r\nb\0\r\n', 'a\r\nb\0'],
  ['$0\r\n\r\n', ''],
  ['$-1\r\n', '(nil)'],
  ['*-1\r\n', '(nil)'],
  ['*0\r\n', '[]'],
  ['*2\r\n*1\r\n:1\r\n$1\r\na\r\n', '[[1], a]'],
  ['_\r\n', '(nil)'],
  ['#t\r\n', 'true'],
  [',1.5\r\n', '1.5'],
  [',-inf\r\n', '-Infinity'],
  ['(12345678901234567890\r\n', '12345678901234567890'],
  ['!6\r\nERR no\r\n', '-ERR no'],
  ['=7\r\ntxt:abc\r\n', 'abc'],
  ['~2\r\n:1\r\n:2\r\n', '~[1, 2]'],
  ['%1\r\n+k\r\n*1\r\n:1\r\n', '{k: [1]}'],
  ['>2\r\n+message\r\n$1\r\nm\r\n', '>[message, m]'],
]

describe('a reply', () => {
  test.each(FRAMES)('%j is %s, and ends where it ends', (frame, shown) => {
    const bytes = Buffer.from(frame, 'latin1')
    expect(show(decodeReply(bytes))).toBe(shown)
    for (let length = 0; length < bytes.length; length++)
      expect(endOfReply(bytes.subarray(0, length), 0)).toBe(-1)
    expect(endOfReply(Buffer.concat([bytes, bytes]), bytes.length)).toBe(2 * bytes.length)
  })

  test('of an unknown type is refused', () => {
    expect(() => decodeReply(Buffer.from('HTTP/1.1 200 OK\r\n'))).toThrow('no RESP type: "H"')
  })
})

describe('a client', () => {
  test('reads replies and frames in order, in whatever pieces they come', async () => {
    const peer = await accepted
    const replies = client.replies(FRAMES.length)
    const frames = client.frames(FRAMES.length)
    const bytes = Buffer.from(FRAMES.map(([frame]) => frame).join(''), 'latin1')
    for (const byte of bytes) peer.write(Buffer.of(byte))
    peer.write(bytes)
    expect((await replies).map(show)).toEqual(FRAMES.map(([, shown]) => shown))
    expect(await frames).toEqual(FRAMES.map(([frame]) => frame))
    expect(client.pending).toBe(0)
  })

  test('keeps a reply of many chunks whole', async () => {
    const peer = await accepted
    const large = Buffer.alloc(3_000_000, 'x')
    peer.write(Buffer.concat([Buffer.from(`$${large.length}\r\n`), large, Buffer.from('\r\n+next\r\n')]))
    expect(large.equals((await client.reply()) as Buffer)).toBe(true)
    expect(await client.frame()).toBe('+next\r\n')
  })

  test('takes bytes up to a text, and frames behind them', async () => {
    const peer = await accepted
    peer.write('+one\r\n+two\r\n+three\r\n')
    expect(await client.until('tw')).toBe('+one\r\n+tw')
    expect(await client.until('\r\n')).toBe('o\r\n')
    expect(show(await client.reply())).toBe('three')
  })

  test('sends requests whole, as one of many, or in parts', async () => {
    const peer = await accepted
    let received = ''
    peer.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (received.endsWith('$4\r\nlast\r\n')) peer.write('+1\r\n+2\r\n')
    })
    const replies = client.send('SET', 'k', 7).write('*1\r\n$4\r\n').pipeline('last\r\n', 2)
    expect((await replies).map(show)).toEqual(['1', '2'])
    expect(received).toBe('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n7\r\n*1\r\n$4\r\nlast\r\n')
    expect(request('a\xff').toString('latin1')).toBe('*1\r\n$3\r\na\xc3\xbf\r\n')
  })

  test('tells of a push as such', async () => {
    ;(await accepted).write('>1\r\n+m\r\n')
    expect(await client.reply()).toEqual(new Push([Buffer.from('m')]))
  })

  test('gives what was left when the connection ends, and refuses to wait for more', async () => {
    const waiting = client.replies(3)
    ;(await accepted).end('+one\r\n+two\r\n+hal')
    await expect(waiting).rejects.toThrow('closed after 2 of 3 replies; received "+one\\r\\n+two\\r\\n+hal"')
    expect(client.closed).toBe(true)
    expect(await client.framesUntilClosed()).toEqual(['+one\r\n', '+two\r\n'])
    await expect(client.until('x')).rejects.toThrow('closed before "x"')
    expect(await client.repliesUntilClosed()).toEqual([])
  })
})
