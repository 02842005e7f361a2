import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { TokenWatch } from '../../../../src/servers/resp/token-watch.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const heapUsed = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}

test('a connection that is gone leaves nothing, however long its token would have lived', () => {
  const comeAndGo = (count: number): void => {
    for (let n = 0; n < count; n++) {
      const watch = new TokenWatch(
        () => {},
        () => {},
      )
      watch.start(Date.now() + 3_600_000 + n)
      watch.stop()
    }
  }
  comeAndGo(1_000)
  const before = heapUsed()
  comeAndGo(50_000)
  expect(heapUsed() - before).toBeLessThan(2_000_000)
})
