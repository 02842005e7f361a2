// Sessions of express in connect-redis.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { check, end, url, version } from './check.mjs'

version('connect-redis')
const client = await createClient({ url })
  .on('error', () => {})
  .connect()
const store = new RedisStore({ client, ttl: 60 })
const app = express()
app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }))
app.get('/', (request, response) => {
  request.session.views = (request.session.views ?? 0) + 1
  response.json(request.session.views)
})
app.get('/leave', (request, response) => request.session.destroy(() => response.json('left')))
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const get = async (path, cookie) => {
  const response = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers: { cookie } })
  return { body: await response.json(), cookie: response.headers.get('set-cookie')?.split(';')[0] ?? cookie }
}

await check('a session lives from one request to the next', async () => {
  const { body, cookie } = await get('/', '')
  assert.equal(body, 1)
  assert.equal((await get('/', cookie)).body, 2)
  assert.equal((await get('/', cookie)).body, 3)
  await get('/leave', cookie)
  assert.equal((await get('/', cookie)).body, 1)
})
await check('the store lists, counts and clears', async () => {
  const call = (name, ...args) => store[name](...args)
  assert.ok((await call('ids')).length >= 1)
  assert.ok((await call('length')) >= 1)
  assert.ok((await call('all')).length >= 1)
  await call('clear')
  assert.equal(await call('length'), 0)
})
end()
