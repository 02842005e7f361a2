// node test/conformance/tcl/relay.mjs: lets Redis's own tests, which know no token, talk to a server.
import { connect, createServer } from 'node:net'
import { parseArgs } from 'node:util'

const HELP = `node test/conformance/tcl/relay.mjs [options]

  --port <n>         where tests connect, on 127.0.0.1; 0 takes a free one (7777)
  --to <host:port>   the RESP port of the server
  --token <token>    logs in each connection
`

/** Answered here, as tests set their stage with them; the argument of CONFIG GET has no value. */
const LOCAL = /** @type {Record<string, (words: string[]) => string>} */ ({
  CONFIG: ([, sub = '']) => (sub.toUpperCase() === 'GET' ? '*0\r\n' : '+OK\r\n'),
  DEBUG: () => '+OK\r\n',
})

/**
 * The requests at the beginning of what came: the bytes of each and its words; the rest is not whole yet.
 * @param {Buffer} bytes
 */
export const requestsOf = (bytes) => {
  /** @type {{ raw: Buffer, words: string[] }[]} */
  const requests = []
  let start = 0
  for (;;) {
    let at = start
    const line = () => {
      const end = bytes.indexOf('\r\n', at)
      if (end < 0) return undefined
      const text = bytes.toString('latin1', at, end)
      at = end + 2
      return text
    }
    const head = line()
    if (head === undefined) break
    /** @type {string[]} */
    const words = head.startsWith('*') ? [] : head.split(' ').filter((word) => word !== '')
    const count = head.startsWith('*') ? Number(head.slice(1)) : 0
    while (words.length < count) {
      const length = line()
      if (length === undefined || at + Number(length.slice(1)) + 2 > bytes.length) break
      const end = at + Number(length.slice(1))
      words.push(bytes.toString('latin1', at, end))
      at = end + 2
    }
    if (words.length < count) break
    requests.push({ raw: bytes.subarray(start, at), words })
    start = at
  }
  return { requests, rest: bytes.subarray(start) }
}

const bulk = (/** @type {string} */ text) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

/**
 * Starts the relay; resolves with its port and how to stop it. A local answer waits until everything before
 * it is answered: the relay sends an ECHO of its own, and puts the answer in place of its reply.
 * @param {{ port: number, host: string, to: number, token: string }} options
 * @returns {Promise<{ port: number, stop: () => void }>}
 */
export const startRelay = ({ port, host, to, token }) => {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set()
  let marks = 0
  const server = createServer((client) => {
    const upstream = connect(to, host)
    upstream.write(`*2\r\n${bulk('AUTH')}${bulk(token)}`)
    /** What stands in the replies for an answer of ours. @type {{ mark: Buffer, answer: string }[]} */
    const local = [{ mark: Buffer.from('+OK\r\n'), answer: '' }]
    let asked = Buffer.alloc(0)
    let answered = Buffer.alloc(0)
    client.on('data', (chunk) => {
      const { requests, rest } = requestsOf(Buffer.concat([asked, chunk]))
      asked = Buffer.from(rest)
      for (const { raw, words } of requests) {
        const answer = LOCAL[words[0]?.toUpperCase() ?? '']
        if (answer === undefined) {
          upstream.write(raw)
          continue
        }
        const mark = `relay:${process.pid}:${++marks}:${Math.random()}`
        local.push({ mark: Buffer.from(bulk(mark)), answer: answer(words) })
        upstream.write(`*2\r\n${bulk('ECHO')}${bulk(mark)}`)
      }
    })
    upstream.on('data', (chunk) => {
      answered = Buffer.concat([answered, chunk])
      for (let next = local[0]; next !== undefined; next = local[0]) {
        const at = answered.indexOf(next.mark)
        if (at < 0) return
        client.write(answered.subarray(0, at))
        client.write(next.answer)
        answered = answered.subarray(at + next.mark.length)
        local.shift()
      }
      client.write(answered)
      answered = Buffer.alloc(0)
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      sockets.add(/** @type {import('node:net').Socket} */ (one))
      one?.on('error', () => other?.destroy())
      one?.on('close', () => {
        sockets.delete(/** @type {import('node:net').Socket} */ (one))
        other?.end()
      })
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = /** @type {import('node:net').AddressInfo} */ (server.address())
      resolve({
        port: address.port,
        stop: () => {
          server.close()
          for (const socket of sockets) socket.destroy()
        },
      })
    })
  })
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '7777' },
      to: { type: 'string' },
      token: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const [host = '', to = ''] = (values.to ?? '').split(':')
  if (values.help || to === '' || values.token === undefined) {
    process.stdout.write(HELP)
    process.exit(values.help ? 0 : 2)
  }
  const relay = await startRelay({ port: Number(values.port), host, to: Number(to), token: values.token })
  process.stderr.write(`automation-kv: relay at 127.0.0.1:${relay.port}\n`)
}
