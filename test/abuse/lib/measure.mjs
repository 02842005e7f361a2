// Memory of the servers and of the Redis, looked at many times a second.
import { connect } from 'node:net'
import { encode } from '../../../bench/lib/client.mjs'
import { isAlive, residentOf } from './subject.mjs'

const EVERY_MS = 50
/** Above these the machine itself would be in danger: the row is ended. */
const MOST_RESIDENT = 6 * 1024 ** 3
const MOST_REDIS = 6 * 1024 ** 3

/** Asks the Redis itself for its memory and number of keys, one question at a time. */
class RedisGauge {
  /** @param {{ port: number, password: string }} redis */
  constructor({ port, password }) {
    this.text = ''
    this.used = 0
    this.keys = 0
    this.askedAt = 0
    this.stall = 0
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.setEncoding('latin1')
    this.socket.on('error', () => {})
    this.socket.on('data', (chunk) => {
      this.text += chunk
      // Both sections end by the line of the keyspace, or by its heading when the Redis is empty.
      const used = /used_memory:(\d+)/.exec(this.text)
      if (used === null || !/# Keyspace\r\n(?:db0:.*\r\n)?\r\n$/.test(this.text)) return
      this.used = Number(used[1])
      this.keys = Number(/db0:keys=(\d+)/.exec(this.text)?.[1] ?? 0)
      this.stall = Math.max(this.stall, performance.now() - this.askedAt)
      this.askedAt = 0
      this.text = ''
    })
    this.socket.write(encode(['AUTH', password]))
  }

  /** Asks, unless the last question is still open. */
  ask() {
    if (this.askedAt !== 0) {
      this.stall = Math.max(this.stall, performance.now() - this.askedAt)
      return
    }
    this.askedAt = performance.now()
    this.socket.write(Buffer.concat([encode(['INFO', 'memory']), encode(['INFO', 'keyspace'])]))
  }

  close() {
    this.socket.destroy()
  }
}

/**
 * Looks until `stop`; calls `onDanger` once when a server has ended or memory is beyond what the machine
 * should give.
 * @param {import('./subject.mjs').Subject} subject
 * @param {(why: string) => void} onDanger
 */
export const startMeasuring = ({ servers, stage }, onDanger) => {
  const gauge = new RedisGauge(stage.redis)
  const resident = () => servers.reduce((sum, { pid }) => sum + residentOf(pid), 0)
  /** @type {import('./types.mjs').Memory} */
  const memory = {
    residentBefore: resident(),
    residentPeak: 0,
    residentAfter: 0,
    redisBefore: 0,
    redisPeak: 0,
    redisAfter: 0,
    keys: 0,
    redisStall: 0,
  }
  let told = false
  const look = () => {
    gauge.ask()
    const now = resident()
    memory.residentPeak = Math.max(memory.residentPeak, now)
    memory.residentAfter = now
    memory.redisPeak = Math.max(memory.redisPeak, gauge.used)
    memory.redisAfter = gauge.used
    memory.redisStall = gauge.stall
    memory.keys = gauge.keys
    const dead = servers.some(({ pid }) => !isAlive(pid))
    const why = dead
      ? 'the server ended'
      : now > MOST_RESIDENT
        ? 'the server took more than 6 GiB'
        : gauge.used > MOST_REDIS
          ? 'the Redis took more than 6 GiB'
          : ''
    if (why === '' || told) return
    told = true
    onDanger(why)
  }
  look()
  const timer = setInterval(look, EVERY_MS)
  return {
    memory,
    /** Figures of the setup are forgotten: a peak and a stall are those of the attack. */
    begin() {
      told = false
      memory.residentBefore = resident()
      memory.residentPeak = 0
      memory.redisBefore = gauge.used
      memory.redisPeak = 0
      gauge.stall = 0
    },
    /** After a restart. */
    again: () => (told = false),
    stop() {
      clearInterval(timer)
      gauge.close()
      return { ...memory }
    },
  }
}
