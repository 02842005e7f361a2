import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ERRORS } from '../../../src/errors/errors.ts'
import { type RestClient, type RestServer, startRest } from '../../helpers/http.ts'
import type { AnyJson } from '../../helpers/json.ts'

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))

let rest: RestServer
let client: RestClient
beforeAll(async () => {
  rest = await startRest()
  client = await rest.client()
})
afterAll(() => rest.stop())

const document = async (): Promise<AnyJson> =>
  (await client.call('GET', '/api/automation/openapi.json', { token: null })).json

test('the document has every endpoint with its parameters, answers and errors', async () => {
  const { openapi, info, paths, components } = await document()
  expect([openapi, info.version]).toEqual(['3.1.0', version])
  const base = '/api/automation/v1/kv'
  const endpoints = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path.replace(base, '')}`),
  )
  expect(endpoints.sort()).toEqual([
    'delete /{key}',
    'get ',
    'get -usage',
    'get /{key}',
    'get /{key}/len',
    'patch /{key}',
    'post /batch',
    'post /{key}/decr',
    'post /{key}/incr',
    'post /{key}/lpop',
    'post /{key}/lpush',
    'post /{key}/rpop',
    'post /{key}/rpush',
    'put /{key}',
  ])
  const put = paths[`${base}/{key}`].put
  expect(put.parameters.map(({ name }: { name: string }) => name).sort()).toEqual([
    'Idempotency-Key',
    'ex',
    'if_version',
    'keepttl',
    'key',
    'nx',
    'px',
    'xx',
  ])
  expect(Object.keys(put.responses)).toEqual([
    '200',
    '201',
    '400',
    '401',
    '403',
    '409',
    '413',
    '415',
    '422',
    '500',
    '503',
  ])
  expect(put.responses['409'].description).toBe('`key_exists`, `key_not_exists`, `version_mismatch`')
  expect(put.responses['409'].headers).toHaveProperty('Retry-After')
  expect(put.requestBody.required).toBe(true)
  expect(paths[`${base}/{key}/incr`].post.requestBody.required).toBe(false)
  expect(components.schemas.Error.properties.error.enum).toContain('version_mismatch')
})

test('every reference resolves, every endpoint is described with an example', async () => {
  const spec = await document()
  for (const [ref] of JSON.stringify(spec).matchAll(/(?<="\$ref":")[^"]+/g)) {
    const target = ref
      .replace('#/', '')
      .split('/')
      .reduce((node: AnyJson, name) => node?.[name], spec)
    expect(target, ref).toBeDefined()
  }
  for (const { description, summary } of Object.values<AnyJson>(spec.paths).flatMap((path) =>
    Object.values<AnyJson>(path),
  )) {
    expect(summary).toBeTruthy()
    expect(description).toContain('Example')
  }
})

test('the errors that endpoints name are those of the table', async () => {
  const spec = await document()
  const known = new Set<string>(Object.values(ERRORS).map(({ status, http }) => `${status} ${http}`))
  for (const { responses } of Object.values<AnyJson>(spec.paths).flatMap((path) =>
    Object.values<AnyJson>(path),
  )) {
    for (const [status, { description }] of Object.entries<AnyJson>(responses).filter(
      ([status]) => Number(status) >= 400,
    )) {
      for (const [code] of description.matchAll(/(?<=`)\w+(?=`)/g))
        expect(known).toContain(`${status} ${code}`)
    }
  }
})

test('the pages load nothing from elsewhere', async () => {
  const page = await client.call('GET', '/api/automation/docs', { token: null })
  expect(page.status).toBe(200)
  expect(page.headers['content-security-policy']).toContain("default-src 'self'")
  const links = Array.from(page.text.matchAll(/(?:src|href)="([^"]+)"/g), ([, link]) => link!)
  expect(links.length).toBeGreaterThan(3)
  for (const link of links) {
    expect(link).toMatch(/^\/api\/automation\/docs\//)
    expect((await client.call('GET', link, { token: null })).status, link).toBe(200)
  }
  expect((await client.call('GET', '/api/automation/docs/json', { token: null })).json).toEqual(
    await document(),
  )
})
