// express-rate-limit with its store in Redis: scripts that are loaded once and called by their hash.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { RedisStore } from 'rate-limit-redis'
import { createClient } from 'redis'
import { check, end, url, version } from './check.mjs'

version('rate-limit-redis')
const client = await createClient({ url })
  .on('error', () => {})
  .connect()
const app = express()
app.use(
  rateLimit({
    windowMs: 60_000,
    limit: 5,
    validate: false,
    store: new RedisStore({ sendCommand: (...args) => client.sendCommand(args) }),
  }),
)
app.get('/', (_request, response) => response.send('in'))
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')

await check('the sixth request of a window is refused', async () => {
  const statuses = []
  for (let i = 0; i < 7; i++)
    statuses.push((await fetch(`http://127.0.0.1:${server.address().port}/`)).status)
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429])
})
end()
