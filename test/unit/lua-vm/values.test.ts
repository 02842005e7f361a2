import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ScriptEngine } from '../../../src/lua-vm/engine.ts'
import { encodeReply, OutputBuffer } from '../../../src/protocol/encode.ts'
import {
  Double,
  ErrorReply,
  MapReply,
  NULL_ARRAY,
  PairsReply,
  type Reply,
  SetReply,
  SimpleString,
  Verbatim,
} from '../../../src/reply/reply.ts'
import { evaluate, shown } from './helpers.ts'

const engine = new ScriptEngine()
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const wire = (reply: Reply): string => {
  const out = new OutputBuffer()
  encodeReply(reply, 3, out)
  return Buffer.concat(out.take()).toString('latin1')
}

describe('strings keep every byte', () => {
  test('through KEYS, ARGV, redis.call and the reply', () => {
    fc.assert(
      fc.property(bytes, bytes, (key, arg) => {
        const reply = evaluate(engine, 'return {KEYS[1], redis.call("echo", ARGV[1], ARGV[1] .. KEYS[1])}', {
          keys: [key],
          args: [arg],
        })
        expect(reply).toEqual([key, [arg, Buffer.concat([arg, key])]])
      }),
    )
  })

  test('through cmsgpack, struct and cjson', () => {
    fc.assert(
      fc.property(bytes, (arg) => {
        const source = `
          local s = ARGV[1]
          return {cmsgpack.unpack(cmsgpack.pack(s)), (struct.unpack('>I4c0', struct.pack('>I4c0', #s, s)))}`
        const [viaPack, viaStruct] = evaluate(engine, source, { args: [arg] }) as Reply[]
        expect(viaPack).toEqual(arg)
        expect(viaStruct).toEqual(arg)
        if (!arg.includes(0))
          expect(
            evaluate(engine, 'return cjson.decode(cjson.encode({ARGV[1]}))[1]', { args: [arg] }),
          ).toEqual(arg)
      }),
    )
  })

  test('also when they are long', () => {
    const long = Buffer.alloc(1_000_003, 'abc\0')
    expect(evaluate(engine, 'return redis.call("x", ARGV[1])', { args: [long] })).toEqual([long])
  })
})

describe('replies pass through a script', () => {
  const pass = (reply: Reply, protocol: 2 | 3): Reply =>
    evaluate(engine, `redis.setresp(${protocol}) return redis.call("x")`, {
      host: { call: () => reply, allows: () => true },
    })

  test.each<[string, Reply]>([
    ['bulk', Buffer.from('x')],
    ['text', 'x'],
    ['integer', 42],
    ['status', new SimpleString('fine')],
    ['map', new MapReply(['a', 1, 'b', [1, 2]])],
    ['set', new SetReply(['a'])],
    ['double', new Double('0.10000000000000001')],
    ['infinite double', new Double('-inf')],
    ['verbatim', new Verbatim('txt', 'hello')],
    ['boolean', true],
    ['null', null],
    ['nested', [[1, [new SimpleString('x')]], 'y', []]],
  ])('%s, unchanged in RESP3', (_name, reply) => {
    expect(wire(pass(reply, 3))).toBe(wire(reply))
  })

  test.each<[string, Reply, string]>([
    ['map', new MapReply(['a', 1]), '*2\r\n$1\r\na\r\n:1\r\n'],
    ['pairs', new PairsReply(['a', new Double('1.5')]), '*2\r\n$1\r\na\r\n$3\r\n1.5\r\n'],
    ['set', new SetReply(['a']), '*1\r\n$1\r\na\r\n'],
    ['double', new Double('1.5'), '$3\r\n1.5\r\n'],
    ['boolean', false, ':0\r\n'],
    ['null array', NULL_ARRAY, '_\r\n'],
    ['large integer', 2n ** 62n, ':4611686018427387904\r\n'],
  ])('%s, as RESP2 has it', (_name, reply, expected) => {
    expect(wire(pass(reply, 2))).toBe(expected)
  })

  test('pairs in RESP3 are lists of two', () => {
    expect(wire(pass(new PairsReply(['a', new Double('1.5')]), 3))).toBe('*1\r\n*2\r\n$1\r\na\r\n,1.5\r\n')
  })

  test('an error within a reply', () => {
    expect(wire(pass([1, new ErrorReply('ERR x')], 2))).toBe('*2\r\n:1\r\n-ERR x\r\n')
  })
})

test('a script is compiled once', () => {
  expect(shown(evaluate(engine, 'local n = 0 for i = 1, 10 do n = n + i end return n'))).toBe('55')
  const lines = Array.from({ length: 50 }, (_, i) => `local v${i} = ${i}`).join('\n')
  expect(shown(evaluate(engine, `${lines}\nerror('line 51')`))).toMatch(
    /^-ERR user_script:51: line 51 script: [0-9a-f]{40}, on @user_script:51\.$/,
  )
})
