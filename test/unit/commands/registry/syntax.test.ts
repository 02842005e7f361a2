import { describe, expect, test } from 'vitest'
import { argumentReply, parseSyntax } from '../../../../src/registry/syntax.ts'
import { MapReply, SetReply, SimpleString } from '../../../../src/reply/reply.ts'

const key = { name: 'key', type: 'key' }
const pure = (token: string) => ({ name: token.toLowerCase(), type: 'pure-token', token })

describe('parseSyntax', () => {
  test('names, choices and tokens', () => {
    expect(
      parseSyntax('key value [NX | XX] [GET] [EX seconds | PXAT unix-time-milliseconds | KEEPTTL]'),
    ).toEqual([
      key,
      { name: 'value', type: 'string' },
      { name: 'condition', type: 'oneof', arguments: [pure('NX'), pure('XX')], optional: true },
      { ...pure('GET'), optional: true },
      {
        name: 'expiration',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'seconds', type: 'integer', token: 'EX' },
          { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
          pure('KEEPTTL'),
        ],
      },
    ])
  })

  test('repetition: one argument, a block, an optional one, one with its token', () => {
    expect(parseSyntax('key [key ...]')).toEqual([{ ...key, multiple: true }])
    expect(parseSyntax('score member [score member ...]')).toMatchObject([
      { name: 'score_member', type: 'block', multiple: true },
    ])
    expect(parseSyntax('[key [key ...]]')).toEqual([{ ...key, multiple: true, optional: true }])
    expect(parseSyntax('[GET pattern [GET pattern ...]]')).toEqual([
      { name: 'pattern', type: 'pattern', token: 'GET', optional: true, multiple: true, multipleToken: true },
    ])
    expect(parseSyntax('[KEYS key [key ...]]')).toEqual([
      { name: 'key', type: 'key', token: 'KEYS', optional: true, multiple: true },
    ])
  })

  test('a token takes all that follows it, or one choice', () => {
    expect(parseSyntax('[LIMIT offset count]')).toMatchObject([
      { name: 'offset_count', type: 'block', token: 'LIMIT', optional: true },
    ])
    expect(parseSyntax('STREAMS key [key ...] id [id ...]')).toMatchObject([
      {
        type: 'block',
        token: 'STREAMS',
        arguments: [
          { name: 'key', multiple: true },
          { name: 'id', multiple: true },
        ],
      },
    ])
    expect(parseSyntax('[AGGREGATE <SUM | MIN>] [WITHSCORES]')).toMatchObject([
      { type: 'oneof', token: 'AGGREGATE', optional: true, arguments: [pure('SUM'), pure('MIN')] },
      { token: 'WITHSCORES', optional: true },
    ])
  })

  test('types can be given where the guess would be wrong', () => {
    expect(parseSyntax('key start end', { start: 'string', end: 'string' }).map((arg) => arg.type)).toEqual([
      'key',
      'string',
      'string',
    ])
    expect(parseSyntax('constructor')).toEqual([{ name: 'constructor', type: 'string' }])
  })

  test.each(['key [NX', 'key ]', 'a <b ...>', '[a ... b]', '[a |]', 'key ...'])('refuses %j', (syntax) => {
    expect(() => parseSyntax(syntax)).toThrow('malformed command syntax')
  })
})

test('argumentReply nests maps, with flags as a set of simple strings', () => {
  expect(argumentReply(parseSyntax('key [COUNT count [ANY]] [GET pattern [GET pattern ...]]'))).toEqual([
    new MapReply(['name', 'key', 'type', 'key']),
    new MapReply([
      ...['name', 'count', 'type', 'block', 'flags', new SetReply([new SimpleString('optional')])],
      'arguments',
      [
        new MapReply(['name', 'count', 'type', 'integer', 'token', 'COUNT']),
        new MapReply([
          'name',
          'any',
          'type',
          'pure-token',
          'token',
          'ANY',
          'flags',
          new SetReply([new SimpleString('optional')]),
        ]),
      ],
    ]),
    new MapReply([
      ...['name', 'pattern', 'type', 'pattern', 'token', 'GET', 'flags'],
      new SetReply(['optional', 'multiple', 'multiple_token'].map((flag) => new SimpleString(flag))),
    ]),
  ])
})
