import { setTimeout as delay } from 'node:timers/promises'
import { FaultProxy } from '../helpers/fault-proxy.ts'
import { ClusterRespClient, ClusterRestClient } from './clients.ts'
import type { Cluster } from './cluster.ts'
import { type EpisodeReport, persistent, recovered } from './episode.ts'
import type { Random } from './random.ts'
import { Recorder } from './recorder.ts'
import { audit, blindTransfer, openAccounts, watchedTransfer } from './transfers.ts'

export const WAITED = {
  name: 'failover-waited',
  what: 'the Redis is killed and a replica that lags behind promoted: only writes that WAIT confirmed must be there',
} as const

const WRITERS = 4
const ENOUGH_CONFIRMED = 10

interface Progress {
  sent: number
  acknowledged: number
  /** Elements up to here were said to be on a replica. */
  confirmed: number
}

let episodes = 0

/**
 * Replication is asynchronous: what the old Redis had not yet passed on is lost, though it was acknowledged.
 * Promised is that what WAIT confirmed stays, that what is lost is a tail, and that of no transaction a half
 * is left.
 */
export async function runWaited(cluster: Cluster, random: Random): Promise<EpisodeReport> {
  const number = ++episodes
  const recorder = new Recorder()
  const token = await cluster.token(`waited-${number}`)
  const resp = (): ClusterRespClient => new ClusterRespClient(cluster, random.fork(), token)
  const opener = resp()
  const rest = new ClusterRestClient(cluster, random.fork(), token)
  const replication = await FaultProxy.start(cluster.redis.port!)
  const replica = await cluster.follow(replication.port)
  await openAccounts(recorder, opener)
  // Until the accounts are there too, the replica must not take over.
  while ((await opener.call('WAIT', 1, 1_000)).kind !== 'ok') await delay(5)
  let stopping = false
  const progress = Array.from(
    { length: WRITERS },
    (): Progress => ({ sent: 0, acknowledged: 0, confirmed: 0 }),
  )
  const writers = progress.map(async (mine, i) => {
    const client = resp()
    // After an unknown outcome the place of what follows is not known, so the writer ends; as it does when
    // WAIT tells that the link was lost, since what had been acknowledged may be lost too.
    for (let certain = true; certain && !stopping; ) {
      const element = mine.sent
      const { outcome } = await recorder.request(true, () =>
        client.pipeline([
          ['RPUSH', `waited-${i}`, element],
          ['WAIT', 1, 50],
        ]),
      )
      certain = outcome.kind === 'ok' && outcome.reply.every((reply) => typeof reply === 'number')
      mine.sent++
      if (!certain || outcome.kind !== 'ok') continue
      mine.acknowledged = element + 1
      if ((outcome.reply[1] as number) >= 1) mine.confirmed = element + 1
    }
    client.close()
  })
  const others = [watchedTransfer, blindTransfer].map(async (transfer) => {
    const [client, own] = [resp(), random.fork()]
    while (!stopping) await transfer(recorder, client, own)
    client.close()
  })
  const deadline = performance.now() + 20_000
  while (progress.some(({ confirmed }) => confirmed < ENOUGH_CONFIRMED) && performance.now() < deadline)
    await delay(5)

  // The replica falls behind; what is written now is acknowledged, but nowhere else.
  replication.stall('both')
  await delay(random.between(20, 200))
  await cluster.redis.kill()
  await replication.close()
  await cluster.promote(replica)
  const endedAt = performance.now()
  const recoveryMs = await recovered(cluster, random, endedAt)
  stopping = true
  await Promise.all([...writers, ...others])

  let lost = 0
  for (const [i, { acknowledged, confirmed }] of progress.entries()) {
    const list = await persistent(async () => {
      const { outcome } = await recorder.request(false, () => opener.call('LRANGE', `waited-${i}`, 0, -1))
      return outcome.kind === 'ok' ? (outcome.reply as Buffer[]).map(Number) : undefined
    })
    const fail = (text: string): void =>
      void recorder.violations.push(`${WAITED.name}, episode ${number}: ${text}`)
    if (list.some((element, place) => element !== place))
      fail(`list ${i} has a gap: ${list.slice(-10).join()}`)
    if (list.length < confirmed)
      fail(`list ${i}: ${confirmed} elements were confirmed, but only ${list.length} are there`)
    if (confirmed === 0) fail('nothing was confirmed')
    lost += Math.max(0, acknowledged - list.length)
  }
  for (let i = 0; i < 3; i++) await audit(recorder, opener, rest, random)
  opener.close()
  rest.close()
  const { counts, violations } = recorder
  const checked = progress.reduce((sum, { sent }) => sum + sent, 0)
  return {
    fault: WAITED.name,
    ...counts,
    checked,
    recoveryMs,
    refusalMs: { max: 0, p99: 0 },
    lost,
    violations,
  }
}
