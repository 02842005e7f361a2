import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigError, loadConfig, SETTINGS } from '../../../src/config/load.ts'

const folder = mkdtempSync(join(tmpdir(), 'akv-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const fileOf = (content: unknown): string => {
  const path = join(folder, 'settings.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const problemsOf = (env: Record<string, string>, file?: string): readonly string[] => {
  try {
    loadConfig(env, file)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const SECRET = 'S3cr3t-canary-0123456789abcdefghijklm'
const KEY = Buffer.alloc(32, 7).toString('base64url')

describe('defaults', () => {
  test('an empty environment gives the documented defaults, frozen', () => {
    const config = loadConfig({})
    expect(config).toEqual({
      redisUrl: undefined,
      secret: undefined,
      encryptionKeys: undefined,
      adminToken: undefined,
      jwks: undefined,
      tokenIssuer: undefined,
      tokenAudience: undefined,
      respHost: '127.0.0.1',
      respPort: 6380,
      httpHost: '127.0.0.1',
      httpPort: 8080,
      adminHost: '127.0.0.1',
      adminPort: 9090,
      maxKeyLength: 255,
      maxKeysPerCommand: 4096,
      maxValueSize: 1048576,
      maxRequestSize: 67108864,
      maxKeys: 1000,
      maxBytes: 16_777_216,
      maxElements: 100_000,
      embeddedMaxMemory: 1_073_741_824,
      maxBacklogBytes: 8388608,
      computeThreads: Math.max(1, Math.min(4, availableParallelism() - 1)),
      maxHeldBytesPerAutomation: 83886080,
      maxHeldBytes: 268435456,
      scriptTimeLimitMs: 200,
      scriptMemoryLimit: 33554432,
      maxConnections: 20000,
      maxConnectionsPerAutomation: 1000,
      rateLimit: undefined,
      maxHttpConnections: 2000,
      maxHttpRequests: 8,
      maxHttpBytes: 16777216,
      httpTimeoutMs: 60000,
      maxUnauthenticated: 4096,
      loginTimeoutMs: 10000,
      commandTimeoutMs: 10000,
      lockTimeoutMs: 5000,
      drainTimeoutMs: 10000,
      workers: 1,
      enrollment: 'open',
      dataDir: resolve('data'),
      logLevel: 'info',
      production: false,
    })
    expect(Object.isFrozen(config)).toBe(true)
  })

  test('every setting has help, an example, and a default that its own check accepts', () => {
    for (const { name, help, example, default: preset, read } of SETTINGS) {
      expect(name).toMatch(/^(REDIS_URL|AUTOMATION_KV_[A-Z_]+)$/)
      expect(help.length, name).toBeGreaterThan(10)
      expect(example, name).not.toBe('')
      if (preset !== undefined) expect(read(preset), name).toHaveProperty('value')
    }
  })

  test('workers are a number, or one for each core', () => {
    expect(loadConfig({ AUTOMATION_KV_WORKERS: '3' }).workers).toBe(3)
    expect(loadConfig({ AUTOMATION_KV_WORKERS: 'auto' }).workers).toBe(availableParallelism())
    for (const wrong of ['0', '257', 'all']) {
      expect(problemsOf({ AUTOMATION_KV_WORKERS: wrong })).toEqual([
        `AUTOMATION_KV_WORKERS: must be auto or a whole number from 1 to 256, not "${wrong}"; for example AUTOMATION_KV_WORKERS=1`,
      ])
    }
  })

  test('an empty value counts as unset', () => {
    expect(loadConfig({ REDIS_URL: '', AUTOMATION_KV_RESP_PORT: '' })).toMatchObject({
      redisUrl: undefined,
      respPort: 6380,
    })
  })
})

describe('values', () => {
  test.each([
    ['redis://127.0.0.1:6379'],
    ['redis://user:p%40ss@host/3'],
    ['rediss://:x@host:6380'],
    ['redis://[::1]:6379'],
    ['unix:///run/redis.sock'],
    ['/run/redis.sock'],
  ])('REDIS_URL accepts %s', (url) => {
    expect(loadConfig({ REDIS_URL: url }).redisUrl).toBe(url)
  })

  test.each([
    ['http://host'],
    ['host:6379'],
    ['redis://'],
    ['redis://host/db'],
    ['unix://relative'],
    ['run/redis.sock'],
  ])('REDIS_URL refuses %s', (url) => {
    expect(problemsOf({ REDIS_URL: url })).toEqual([
      expect.stringMatching(/^REDIS_URL: must .*; for example REDIS_URL=redis:\/\//),
    ])
  })

  test('encryption keys are parsed in order', () => {
    const { encryptionKeys } = loadConfig({ AUTOMATION_KV_ENCRYPTION_KEYS: `new:${KEY}, old:${KEY}` })
    expect(encryptionKeys?.map(({ kid, root }) => [kid, root.symmetricKeySize])).toEqual([
      ['new', 32],
      ['old', 32],
    ])
  })

  test.each([
    [`a:${KEY},a:${KEY}`, 'entry 2 has the same kid as entry 1'],
    [KEY, 'entry 1 has no kid'],
    ['a:c2hvcnQ', 'entry 1 has a key of 5 bytes; at least 32 are needed'],
    [`a:${KEY},`, 'entry 2 is empty'],
    [`a b:${KEY}`, 'entry 1 has a bad kid'],
  ])('encryption keys refuse %s', (keys, text) => {
    expect(problemsOf({ AUTOMATION_KV_ENCRYPTION_KEYS: keys })).toEqual([expect.stringContaining(text)])
  })

  test('a JWKS is a file or an https URL; plain http only on this machine', () => {
    expect(loadConfig({ AUTOMATION_KV_JWKS: 'keys.json' }).jwks).toBe(resolve('keys.json'))
    expect(loadConfig({ AUTOMATION_KV_JWKS: 'https://a.example/jwks' }).jwks).toBe('https://a.example/jwks')
    expect(loadConfig({ AUTOMATION_KV_JWKS: 'http://127.0.0.1:1/jwks' }).jwks).toBe('http://127.0.0.1:1/jwks')
    expect(problemsOf({ AUTOMATION_KV_JWKS: 'http://a.example/jwks' })).toHaveLength(1)
  })

  test('numbers are whole, in range and plain', () => {
    for (const wrong of ['-1', '65536', '1e3', '0x10', ' 6380', '6380.0', 'abc']) {
      expect(problemsOf({ AUTOMATION_KV_RESP_PORT: wrong }), wrong).toEqual([
        `AUTOMATION_KV_RESP_PORT: must be a whole number from 0 to 65535, not "${wrong}"; for example AUTOMATION_KV_RESP_PORT=6380`,
      ])
    }
  })

  test('all problems come at once', () => {
    const env = {
      AUTOMATION_KV_RESP_PORT: 'x',
      AUTOMATION_KV_LOG_LEVEL: 'loud',
      AUTOMATION_KV_ENROLLMENT: 'closed',
      AUTOMATION_KV_SECRET: 'short',
    }
    expect(problemsOf(env)).toHaveLength(4)
    expect(() => loadConfig(env)).toThrow(/^4 settings are wrong:\n {2}- /)
  })

  test('two doors on one port, and a value larger than a request, are refused', () => {
    expect(problemsOf({ AUTOMATION_KV_HTTP_PORT: '6380' })).toEqual([
      expect.stringContaining('already taken by AUTOMATION_KV_RESP_PORT (6380)'),
    ])
    expect(problemsOf({ AUTOMATION_KV_HTTP_PORT: '0', AUTOMATION_KV_RESP_PORT: '0' })).toEqual([])
    expect(problemsOf({ AUTOMATION_KV_MAX_REQUEST_SIZE: '65536' })).toEqual([
      expect.stringContaining('AUTOMATION_KV_MAX_VALUE_SIZE (1048576)'),
    ])
  })
})

describe('secrets', () => {
  test('the alias is the same setting; both must agree', () => {
    expect(loadConfig({ AUTOMATION_JWT_SECRET: SECRET }).secret).toBe(SECRET)
    expect(loadConfig({ AUTOMATION_JWT_SECRET: SECRET, AUTOMATION_KV_SECRET: SECRET }).secret).toBe(SECRET)
    const problems = problemsOf({ AUTOMATION_JWT_SECRET: SECRET, AUTOMATION_KV_SECRET: `${SECRET}!` })
    expect(problems).toEqual([
      'AUTOMATION_KV_SECRET and AUTOMATION_JWT_SECRET: are two names of one setting and must be equal; set one of them',
    ])
  })

  test('a short secret is refused with the way to make one', () => {
    expect(problemsOf({ AUTOMATION_KV_SECRET: 'x'.repeat(31) })).toEqual([
      expect.stringMatching(
        /^AUTOMATION_KV_SECRET: must be at least 32 bytes long, but it has 31; make one with: openssl rand -base64 48/,
      ),
    ])
  })

  test('production needs an explicit secret and REDIS_URL', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^REDIS_URL: must be set when NODE_ENV=production/),
      expect.stringMatching(/^AUTOMATION_KV_SECRET: must be set when NODE_ENV=production/),
    ])
    expect(
      loadConfig({ NODE_ENV: 'production', AUTOMATION_KV_SECRET: SECRET, REDIS_URL: 'redis://h' }).production,
    ).toBe(true)
  })

  test('no problem ever shows the value of a secret', () => {
    const canary = 'c4n4ry'
    const secrets = SETTINGS.filter(({ secret }) => secret).flatMap(({ name, aliases }) => [name, ...aliases])
    fc.assert(
      fc.property(fc.constantFrom(...secrets), fc.string(), fc.string(), (name, before, after) => {
        expect(problemsOf({ [name]: `${before}${canary}${after}` }).join()).not.toContain(canary)
      }),
    )
    const file = fileOf(`{"AUTOMATION_KV_SECRET": "${canary}`)
    expect(problemsOf({}, file)).toEqual([`${file}: is not valid JSON`])
  })
})

describe('unknown names', () => {
  test.each([
    ['AUTOMATION_KV_RSP_PORT', 'AUTOMATION_KV_RESP_PORT'],
    ['AUTOMATION_KV_MAX_VALUE_SIZES', 'AUTOMATION_KV_MAX_VALUE_SIZE'],
  ])('%s gets a hint', (name, known) => {
    expect(problemsOf({ [name]: '1' })).toEqual([`${name}: there is no such setting; did you mean ${known}?`])
  })

  test('nothing near gets no guess', () => {
    expect(problemsOf({ AUTOMATION_KV_FROBNICATE: '1' })).toEqual([
      expect.not.stringContaining('did you mean'),
    ])
  })

  test('names of the sandbox side, of tests and of others are left alone', () => {
    const env = {
      AUTOMATION_KV_TOKEN: 't',
      AUTOMATION_KV_REDIS_URL: 'u',
      AUTOMATION_API_URL: 'v',
      AUTOMATION_KV_TEST_REDIS: 'local',
      HOME: '/',
      AUTOMATION_OTHER: 'x',
    }
    expect(problemsOf(env)).toEqual([])
  })
})

describe('file', () => {
  test('has the same names, with bare numbers; the environment wins', () => {
    const file = fileOf({
      AUTOMATION_KV_RESP_PORT: 7000,
      AUTOMATION_KV_HTTP_PORT: '7001',
      AUTOMATION_JWT_SECRET: SECRET,
    })
    expect(
      loadConfig({ AUTOMATION_KV_RESP_PORT: '7002', AUTOMATION_KV_SECRET: `${SECRET}2` }, file),
    ).toMatchObject({
      respPort: 7002,
      httpPort: 7001,
      secret: `${SECRET}2`,
    })
  })

  test('refuses what is no setting, in the environment or not', () => {
    expect(
      problemsOf(
        {},
        fileOf({ AUTOMATION_KV_TOKEN: 'x', PATH: '/', respPort: 1, AUTOMATION_KV_HTTP_PORT: [1] }),
      ),
    ).toHaveLength(4)
    expect(problemsOf({}, fileOf([]))).toEqual([expect.stringContaining('must hold a JSON object')])
    expect(problemsOf({}, join(folder, 'none.json'))).toEqual([
      expect.stringContaining('cannot be read (ENOENT)'),
    ])
  })

  test('config/example.json is accepted, and its numbers are the defaults', () => {
    const example = loadConfig({ NODE_ENV: 'production' }, 'config/example.json')
    const defaults = loadConfig({})
    for (const [key, value] of Object.entries(example)) {
      if (typeof value === 'number') expect(value, key).toBe(defaults[key as keyof typeof defaults])
    }
  })
})
