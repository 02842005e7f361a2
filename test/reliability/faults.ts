import { once } from 'node:events'
import { eventually } from '../helpers/eventually.ts'
import { type Cluster, COMMAND_TIMEOUT_MS } from './cluster.ts'
import type { Random } from './random.ts'

/** What the harness lets a fault do beside breaking things. */
export interface Scene {
  readonly cluster: Cluster
  readonly random: Random
  /** Lets the clients go on for so long. */
  pause(ms: number): Promise<void>
  /**
   * The Redis is away: waits until every server says so at /readyz, and measures how fast commands are
   * refused.
   */
  away(): Promise<void>
  /** The Redis is back, or the fault over: what follows is measured as recovery. */
  back(): void
}

export interface Fault {
  readonly name: string
  /** In words, for the docs. */
  readonly what: string
  inject(scene: Scene): Promise<void>
}

const fault = (name: string, what: string, inject: Fault['inject']): Fault => ({ name, what, inject })

/** See src/backing/crash-point.ts. */
const CRASH_POINTS: readonly [name: string, scripts: string, moment: string, what: string][] = [
  ['commit:before', 'commit', 'before', 'a server ends between reading and applying'],
  ['commit:after', 'commit', 'after', 'a server ends after applying, before it answers'],
  ['write:before', 'run|many', 'before', 'a server ends before it sends a direct write'],
  ['write:after', 'run|many', 'after', 'a server ends after a direct write, before it answers'],
]

/** Breaks every link, or only that of one server. */
const someProxies = ({ cluster, random }: Scene): Cluster['proxies'] =>
  random.below(2) === 0 ? cluster.proxies : [random.of(cluster.proxies)]

/** A setting of the Redis that makes it refuse writes for a while. */
const refusing =
  (set: readonly [string, string], undo: readonly [string, string]): Fault['inject'] =>
  async (scene) => {
    await scene.cluster.onRedis((redis) => redis.config('SET', ...set))
    await scene.pause(scene.random.between(200, 500))
    await scene.cluster.onRedis((redis) => redis.config('SET', ...undo))
    scene.back()
  }

export const FAULTS: readonly Fault[] = [
  fault('none', 'nothing breaks', async (scene) => {
    await scene.pause(300)
    scene.back()
  }),
  fault('server-kill', '`kill -9` of a server at a random moment', async (scene) => {
    const { cluster, random } = scene
    const i = random.below(cluster.size)
    await scene.pause(random.below(200))
    await cluster.kill(i)
    await cluster.launch(i)
    scene.back()
  }),
  ...CRASH_POINTS.map(([name, scripts, moment, what]) =>
    fault(`server-crash ${name}`, what, async (scene) => {
      const { cluster, random } = scene
      const i = random.below(cluster.size)
      await cluster.kill(i)
      const { process: child } = await cluster.launch(i, `${scripts}:${moment}:${random.between(3, 30)}`)
      if (child.exitCode === null && child.signalCode === null)
        await once(child, 'exit', { signal: AbortSignal.timeout(20_000) })
      await cluster.launch(i)
      scene.back()
    }),
  ),
  fault('redis-kill', '`kill -9` of the Redis, and its restart', async (scene) => {
    const { redis } = scene.cluster
    await redis.kill()
    await scene.away()
    await scene.pause(scene.random.between(50, 400))
    await redis.restart()
    scene.back()
  }),
  fault(
    'redis-pause',
    'the Redis stands still (SIGSTOP) for longer than the command timeout',
    async (scene) => {
      const { redis } = scene.cluster
      await redis.kill('SIGSTOP')
      await scene.pause(COMMAND_TIMEOUT_MS + scene.random.between(100, 600))
      await redis.kill('SIGCONT')
      scene.back()
    },
  ),
  fault('link-cut', 'the link is reset, and refused for a while', async (scene) => {
    const proxies = someProxies(scene)
    for (const proxy of proxies) proxy.cut(true)
    if (proxies.length === scene.cluster.size) await scene.away()
    await scene.pause(scene.random.between(50, 400))
    for (const proxy of proxies) proxy.restore()
    scene.back()
  }),
  fault(
    'link-stall',
    'nothing passes for a while, shorter or longer than the command timeout; what was held back arrives late',
    async (scene) => {
      const proxies = someProxies(scene)
      for (const proxy of proxies) proxy.stall('both')
      await scene.pause(scene.random.between(100, 2 * COMMAND_TIMEOUT_MS))
      for (const proxy of proxies) proxy.restore()
      scene.back()
    },
  ),
  fault('replies-stall', 'requests reach the Redis, replies are held back', async (scene) => {
    const proxies = someProxies(scene)
    for (const proxy of proxies) proxy.stall('replies')
    await scene.pause(scene.random.between(100, 2 * COMMAND_TIMEOUT_MS))
    for (const proxy of proxies) proxy.restore()
    scene.back()
  }),
  fault('link-blackhole', 'open links die without a sign, new ones work', async (scene) => {
    for (const proxy of someProxies(scene)) proxy.blackhole()
    await scene.pause(COMMAND_TIMEOUT_MS)
    scene.back()
  }),
  fault('blackhole-in-handshake', 'as before, while a new link is being made', async (scene) => {
    const proxies = someProxies(scene)
    for (const proxy of proxies) proxy.stall('both')
    for (const proxy of proxies) proxy.cut(false)
    // The links that are opened now get no further than their first request.
    await scene.pause(200)
    for (const proxy of proxies) proxy.blackhole()
    for (const proxy of proxies) proxy.restore()
    scene.back()
  }),
  fault('link-delay', 'everything takes 10 to 60 ms longer', async (scene) => {
    const proxies = someProxies(scene)
    for (const proxy of proxies) proxy.delay(scene.random.between(10, 60))
    await scene.pause(500)
    for (const proxy of proxies) {
      // Bytes that overtake delayed ones would be no fault of a network.
      proxy.cut(false)
      proxy.restore()
    }
    scene.back()
  }),
  fault('reset-in-reply', 'links are reset in the middle of a reply', async (scene) => {
    const proxies = someProxies(scene)
    for (let round = 0; round < 5; round++) {
      for (const proxy of proxies) proxy.resetInReply()
      await scene.pause(40)
      for (const proxy of proxies) proxy.restore()
      await scene.pause(40)
    }
    scene.back()
  }),
  fault('oom', 'maxmemory is reached', refusing(['maxmemory', '1'], ['maxmemory', '0'])),
  fault(
    'noreplicas',
    'min-replicas-to-write is not reached',
    refusing(['min-replicas-to-write', '3'], ['min-replicas-to-write', '0']),
  ),
  fault('readonly', 'the Redis becomes a replica and answers READONLY', async (scene) => {
    await scene.cluster.onRedis((redis) => redis.replicaof('127.0.0.1', 1))
    await scene.pause(scene.random.between(200, 500))
    await scene.cluster.onRedis((redis) => redis.replicaof('NO', 'ONE'))
    scene.back()
  }),
  fault('script-flush', 'SCRIPT FLUSH, again and again', async (scene) => {
    await scene.cluster.onRedis(async (redis) => {
      for (let round = 0; round < 15; round++) {
        await redis.script('FLUSH')
        await scene.pause(scene.random.between(5, 40))
      }
    })
    scene.back()
  }),
  fault('client-kill', 'CLIENT KILL of the connections of the servers', async (scene) => {
    await scene.cluster.onRedis(async (redis) => {
      for (let round = 0; round < 5; round++) {
        await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await scene.pause(scene.random.between(10, 100))
      }
    })
    scene.back()
  }),
  fault(
    'failover-drained',
    'a replica that has received all (writes paused, offsets compared) is promoted, the old Redis killed',
    async (scene) => {
      const { cluster } = scene
      const replica = await cluster.follow()
      await scene.pause(200)
      await cluster.onRedis(async (redis) => {
        await redis.call('CLIENT', 'PAUSE', '10000', 'WRITE')
        const offset = async (): Promise<string> =>
          /^master_repl_offset:(\d+)/m.exec(await redis.info('replication'))![1]!
        const received = (): Promise<string> =>
          cluster.onRedis(
            async (follower) => /^slave_repl_offset:(\d+)/m.exec(await follower.info('replication'))![1]!,
            replica,
          )
        await eventually(async () => (await offset()) === (await received()))
      })
      await cluster.promote(replica)
      scene.back()
    },
  ),
]
