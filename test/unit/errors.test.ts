import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { kindOf, leavingOut, refusalOf } from '../../src/backing/wire.ts'
import { ERRORS, KvError, respText } from '../../src/errors/errors.ts'
import type { ErrorRow } from '../../src/errors/tables/rows.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const rows: [string, ErrorRow][] = Object.entries(ERRORS)

describe('the table', () => {
  test('has each code in one of its parts only, and all of them', async () => {
    const folder = join(root, 'src/errors/tables')
    const parts = await Promise.all(
      readdirSync(folder).map((file) => import(join(folder, file)) as Promise<Record<string, object>>),
    )
    const codes = parts.flatMap((part) => Object.values(part)).flatMap((table) => Object.keys(table))
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([])
    expect(codes.sort()).toEqual(rows.map(([code]) => code).sort())
  })

  test('has one row for each text, except where REST has a status of its own for it', () => {
    const texts = rows.map(([, { resp }]) => resp)
    const again = new Set(texts.filter((text, i) => texts.indexOf(text) !== i))
    for (const text of again) {
      const same = rows.filter(([, { resp }]) => resp === text)
      expect(
        same.every(([, { respOnly }]) => !respOnly),
        text,
      ).toBe(true)
    }
  })

  test.each(rows)(
    '%s: a prefix, one line, a status and a code',
    (_, { resp, status, http, respOnly, rest }) => {
      expect(resp).toMatch(/^[A-Z]+ [\x20-\x7e]+$/)
      expect(resp.replace(/\{\w+\}/g, '')).not.toMatch(/[{}]/)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(http).toMatch(/^[a-z_]+$/)
      if (respOnly) expect(rest).toBeUndefined()
    },
  )
})

describe('what a text holds of its caller', () => {
  test.each([
    [
      'a command',
      new KvError('unknown_command', { command: Buffer.from('bad\r\n\x1b\xe9+OK') }),
      "ERR unknown command 'bad  \x1bé+OK', with args beginning with: ",
    ],
    [
      'bytes that are no text',
      new KvError('unknown_command', { command: Buffer.from('a\xff\0b', 'latin1') }),
      "ERR unknown command 'a\udcff', with args beginning with: ",
    ],
    [
      'up to a NUL',
      new KvError('expire_option', { word: Buffer.from('XY\0secret') }),
      'ERR Unsupported option XY',
    ],
    [
      'cut',
      new KvError('expire_option', { word: Buffer.alloc(1_000, 'x') }),
      `ERR Unsupported option ${'x'.repeat(128)}`,
    ],
    [
      'an option',
      new KvError('xclaim_option', { option: Buffer.from('ä\r\nb') }),
      "ERR Unrecognized XCLAIM option 'ä  b'",
    ],
    [
      'names, whole',
      new KvError('no_group', { key: Buffer.alloc(200, 'k'), group: Buffer.from("g'\n\0rest") }),
      `NOGROUP No such consumer group 'g' ' for key name '${'k'.repeat(200)}'`,
    ],
    [
      'no part of a part',
      new KvError('no_group', { key: Buffer.from('{group}$&'), group: Buffer.from('{key}') }),
      "NOGROUP No such consumer group '{key}' for key name '{group}$&'",
    ],
    [
      'our own',
      new KvError('script_killed', { sha1: 'a', reason: 'b\r\nc' }),
      'ERR Error running script a, the script was killed: b  c; nothing was written',
    ],
  ])('%s', (_, error, text) => {
    expect(error.respText).toBe(text)
    expect(error.message).toBe(text)
  })

  test('what the text needs is asked for by type', () => {
    const wrong = [
      // @ts-expect-error a part is missing
      () => new KvError('no_group', { key: 'k' }),
      // @ts-expect-error all are missing
      () => new KvError('no_group'),
      // @ts-expect-error a text where parts belong
      () => new KvError('no_group', 'a fact'),
      // @ts-expect-error a part that the text does not have
      () => new KvError('wrong_arity', { command: 'get', more: 'x' }),
      // @ts-expect-error a text in place of a code
      () => new KvError('ERR some text'),
    ]
    expect(wrong).toHaveLength(5)
  })

  test('a text without an error is the same', () => {
    expect(respText('syntax')).toBe(new KvError('syntax').respText)
    expect(respText('protocol', { reason: 'x' })).toBe('ERR Protocol error: x')
  })
})

describe('what a REST caller reads', () => {
  test('a fact, the text of the row, or the RESP text without its prefix', () => {
    expect(new KvError('type_mismatch', 'value is not a list')).toMatchObject({
      message: 'type_mismatch: value is not a list',
      restText: 'value is not a list',
      status: 400,
      httpCode: 'type_mismatch',
    })
    expect(new KvError('no_such_key').restText).toBe('the key does not exist')
    expect(new KvError('busy').restText).toBe(
      'too many concurrent changes to the same keys; nothing was written',
    )
    expect(new KvError('backing_refused', { prefix: 'LOADING' }).restText).toBe(
      'the backing Redis refused the command (LOADING); nothing was written',
    )
  })

  test('an error that was kept is as it was', () => {
    for (const error of [
      new KvError('type_mismatch', 'fact'),
      new KvError('no_such_key'),
      new KvError('version_mismatch', undefined, { a: 1 }),
      new KvError('no_input_key', { command: 'zunion' }),
    ]) {
      const { code, message, detail, respText, restText } = error
      expect(KvError.restore(JSON.parse(JSON.stringify({ code, message, detail })))).toMatchObject({
        code,
        message,
        detail,
        respText,
        restText,
      })
    }
  })
})

describe("a Redis's own errors", () => {
  const replyError = (text: string): Error => Object.assign(new Error(text), { name: 'ReplyError' })

  test('are told by their prefix', () => {
    expect(kindOf(replyError('WRONGTYPE Operation against...'))).toBe('WRONGTYPE')
    expect(kindOf(new KvError('no_group', { key: 'k', group: 'g' }))).toBe('NOGROUP')
    for (const text of ['ERR WRONGTYPE x', 'WRONGTYPEX y', 'toString x', 'WRONGTYPE'])
      expect(kindOf(new Error(text)), text).toBeUndefined()
  })

  test('that refuse become ours, and only those', () => {
    expect(refusalOf(replyError('OOM command not allowed'))?.respText).toBe(
      'TRYAGAIN the backing Redis refused the command (OOM); nothing was written',
    )
    for (const text of ['WRONGTYPE x', 'NOSCRIPT x', 'NOGROUP x', 'ERR x'])
      expect(refusalOf(replyError(text)), text).toBeUndefined()
    expect(refusalOf(new Error('OOM x'))).toBeUndefined()
  })

  test('lose the prefix of our names, and stay what they are', () => {
    const seen = leavingOut(replyError("NOGROUP No such key 'p:k'"), 'p:')
    expect([seen.name, seen.message]).toEqual(['ReplyError', "NOGROUP No such key 'k'"])
  })
})

/** Texts that the table cannot have, with the reason. */
const ALLOWED: readonly (readonly [file: string, text: string, why: string])[] = [
  [
    'src/lua-vm/machine/prelude.ts',
    "'ERR ' .. tostring(err)",
    "Lua's own source: the prefix goes before what the script raised",
  ],
  [
    'src/lua-vm/libraries/redis-library.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a piece of source text.
    '`ERR ${trimmed}`',
    'the prefix of a text that the script wrote; its line ends stay until it is a reply',
  ],
]

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => relative(root, join(root, 'src', file)))
  .filter((file) => !file.startsWith('src/errors/'))

const withoutComments = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')

describe('the sources', () => {
  const prefixes = [...new Set(rows.map(([, { resp }]) => resp.split(' ')[0]!))]
  const literal = new RegExp(
    `['"\`]-?(?:${[...prefixes, 'NOKEY', 'BUSY', 'READONLY', 'LOADING'].join('|')}) .*`,
    'g',
  )

  test('have no error text past the table', () => {
    const found = sources.flatMap((file) =>
      Array.from(
        withoutComments(readFileSync(join(root, file), 'utf8')).matchAll(literal),
        ([text]) => [file, text] as const,
      ),
    )
    expect(
      found.filter(
        ([file, text]) => !ALLOWED.some(([where, what]) => where === file && text.startsWith(what)),
      ),
    ).toEqual([])
    for (const [where, what] of ALLOWED)
      expect(
        found.some(([file, text]) => file === where && text.startsWith(what)),
        where,
      ).toBe(true)
  })

  test('do not tell errors by their texts', () => {
    const telling =
      /\.message(?:\.(?:startsWith|includes|match)\(|\s*===\s*['"`])|\.test\((?:\w+\.)?message\)/g
    const found = sources.flatMap((file) =>
      Array.from(
        withoutComments(readFileSync(join(root, file), 'utf8')).matchAll(telling),
        ([text]) => `${file}: ${text}`,
      ),
    )
    // V8 has no code for its limit of nested calls.
    expect(found).toEqual(['src/lua-vm/engine.ts: .test(error.message)'])
  })

  test('use every row', () => {
    const all = sources.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
    expect(
      rows
        .map(([code]) => code)
        .filter((code) => !all.includes(`'${code}'`) && !all.includes(`ERRORS.${code}`)),
    ).toEqual([])
  })
})
