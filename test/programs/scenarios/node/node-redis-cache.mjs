// node-redis with its client-side cache, which needs CLIENT TRACKING and RESP3.
import assert from 'node:assert/strict'
import { createClient } from 'redis'
import { check, end, until, url, version } from './check.mjs'

version('redis')
const clientOf = (options) => createClient({ url, RESP: 3, ...options }).on('error', () => {})

await check('a value is answered from the cache until another writes it', async () => {
  const writer = await clientOf({}).connect()
  const reader = clientOf({
    clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: 'LRU' },
    socket: { reconnectStrategy: false },
  })
  await reader.connect()
  await writer.set('k', '1')
  assert.equal(await reader.get('k'), '1')
  assert.equal(await reader.get('k'), '1')
  await writer.set('k', '2')
  await until(async () => (await reader.get('k')) === '2')
})
end()
