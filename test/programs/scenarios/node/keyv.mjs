// keyv with @keyv/redis: namespaces, TTLs, iteration.
import assert from 'node:assert/strict'
import KeyvRedis from '@keyv/redis'
import { Keyv } from 'keyv'
import { check, end, url, version } from './check.mjs'

version('@keyv/redis')
const keyv = new Keyv({ store: new KeyvRedis(url), namespace: 'cache' })
keyv.on('error', () => {})

await check('values, many at once, and their end', async () => {
  await keyv.set('a', { deep: [1, 2] }, 10_000)
  assert.deepEqual(await keyv.get('a'), { deep: [1, 2] })
  await keyv.setMany([
    { key: 'b', value: 1 },
    { key: 'c', value: 2 },
  ])
  assert.deepEqual(await keyv.get(['b', 'c', 'none']), [1, 2, undefined])
  assert.equal(await keyv.delete('a'), true)
  assert.equal(await keyv.has('a'), false)
  await keyv.set('short', 1, 50)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(await keyv.get('short'), undefined)
})
await check('namespaces are iterated and cleared apart', async () => {
  const other = new Keyv({ store: new KeyvRedis(url), namespace: 'other' })
  await other.set('x', 1)
  const keys = []
  for await (const [key] of keyv.iterator('cache')) keys.push(key)
  assert.deepEqual(keys.sort(), ['b', 'c'])
  await keyv.clear()
  assert.equal(await keyv.get('b'), undefined)
  assert.equal(await other.get('x'), 1)
})
end()
