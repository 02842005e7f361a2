import { setTimeout as delay } from 'node:timers/promises'
import { ClusterRespClient, ClusterRestClient } from './clients.ts'
import type { Cluster } from './cluster.ts'
import type { Fault, Scene } from './faults.ts'
import { readAll, respStep, restStep } from './key-work.ts'
import { WorkQueue } from './queue.ts'
import { Race } from './race.ts'
import type { Random } from './random.ts'
import { Recorder } from './recorder.ts'
import { audit, batchTransfer, blindTransfer, openAccounts, watchedTransfer } from './transfers.ts'

export interface EpisodeReport {
  readonly fault: string
  readonly ok: number
  readonly refused: number
  readonly unknown: number
  /** Operations whose histories were checked one by one for an order that explains them. */
  readonly checked: number
  /** From the end of the fault until every server writes and is ready, in milliseconds. */
  readonly recoveryMs: number
  /**
   * How long refusals took while the Redis was away: the slowest, and all but the slowest hundredth, in
   * milliseconds.
   */
  readonly refusalMs: { readonly max: number; readonly p99: number }
  /** Acknowledged writes that are gone, where that is not a violation. */
  readonly lost: number
  readonly violations: readonly string[]
}

const RESP_CLIENTS = 6
const REST_CLIENTS = 3
const PRODUCERS = 2
const RACERS = 4

let episodes = 0

/**
 * Fresh automations, clients at work, one fault, recovery, clients at work, and a look at everything.
 * `enough`: so many acknowledged requests before and after the fault.
 */
export async function runEpisode(
  cluster: Cluster,
  fault: Fault,
  random: Random,
  enough: number,
): Promise<EpisodeReport> {
  const number = ++episodes
  const recorder = new Recorder()
  const raceRecorder = new Recorder()
  const [token, raceToken] = await Promise.all([
    cluster.token(`episode-${number}`),
    cluster.token(`race-${number}`),
  ])
  const clients: Array<{ close(): void }> = []
  const resp = (): ClusterRespClient => kept(clients, new ClusterRespClient(cluster, random.fork(), token))
  const rest = (): ClusterRestClient => kept(clients, new ClusterRestClient(cluster, random.fork(), token))
  const opener = resp()
  await openAccounts(recorder, opener)
  const queue = new WorkQueue(recorder)
  const racers = Array.from({ length: RACERS }, () =>
    kept(clients, new ClusterRestClient(cluster, random.fork(), raceToken)),
  )
  const race = new Race(raceRecorder, racers)

  let stopping = false
  const loop = async (step: (random: Random) => Promise<unknown>): Promise<void> => {
    const own = random.fork()
    while (!stopping) await step(own)
  }
  const at = <A>(
    client: A,
    step: (recorder: Recorder, client: A, random: Random) => Promise<unknown>,
  ): Promise<void> => loop((own) => step(recorder, client, own))
  const work = [
    ...Array.from({ length: RESP_CLIENTS }, () => at(resp(), respStep)),
    ...Array.from({ length: REST_CLIENTS }, () => at(rest(), restStep)),
    at(resp(), watchedTransfer),
    at(resp(), watchedTransfer),
    at(resp(), blindTransfer),
    at(rest(), batchTransfer),
    ((a, b) => loop((own) => audit(recorder, a, b, own)))(resp(), rest()),
    ...Array.from({ length: PRODUCERS }, (_, i) =>
      ((a, b) => loop((own) => queue.push(i, a, b, own)))(resp(), rest()),
    ),
    ...Array.from({ length: PRODUCERS }, () =>
      ((a, b) => loop((own) => queue.pop(a, b, own)))(resp(), rest()),
    ),
    loop(() => race.run()),
  ]
  const failed = Promise.all(work).then(() => new Promise<never>(() => {}))
  const until = <T>(step: Promise<T>): Promise<T> => Promise.race([step, failed])

  let recoveryMs: number
  const scene = new EpisodeScene(cluster, random)
  try {
    await until(acknowledged(recorder, enough))
    await until(fault.inject(scene))
    recoveryMs = await until(recovered(cluster, random, scene.endedAt))
    await until(acknowledged(recorder, enough))
  } finally {
    stopping = true
  }
  await Promise.all(work)

  // Each of these finds a server of its own.
  for (let i = 0; i < cluster.size; i++) await readAll(recorder, resp())
  await queue.drain(opener)
  const reader = rest()
  await audit(recorder, opener, reader, random)
  queue.check()
  recorder.checkVersions(
    await persistent(async () => {
      const meta = await reader.call('GET', '/account-0?meta=true')
      return meta.kind === 'ok' ? (meta.reply.body.version as number) : undefined
    }),
  )
  raceRecorder.checkVersions(await persistent(async () => (await race.look())?.version))
  const checked = recorder.checkHistories()
  for (const client of clients) client.close()
  const unforeseen = cluster.faults.splice(0).map((line) => `logged: ${line}`)
  const refusals = [...recorder.refusals, ...raceRecorder.refusals]
    .filter(({ call }) => scene.wasAway(call))
    .map(({ ms }) => ms)
    .sort((a, b) => a - b)
  const sum = (kind: 'ok' | 'refused' | 'unknown'): number =>
    recorder.counts[kind] + raceRecorder.counts[kind]
  return {
    fault: fault.name,
    ok: sum('ok'),
    refused: sum('refused'),
    unknown: sum('unknown'),
    checked,
    recoveryMs,
    refusalMs: { max: refusals.at(-1) ?? 0, p99: refusals[Math.floor(refusals.length * 0.99)] ?? 0 },
    lost: 0,
    violations: [...recorder.violations, ...raceRecorder.violations, ...unforeseen].map(
      (text) => `${fault.name}, episode ${number}: ${text}`,
    ),
  }
}

const kept = <T extends { close(): void }>(list: Array<{ close(): void }>, item: T): T => {
  list.push(item)
  return item
}

/** On a busy machine a link may still be given up when all is quiet. */
export async function persistent<T>(read: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + GIVE_UP_MS
  for (;;) {
    const result = await read()
    if (result !== undefined) return result
    if (performance.now() > deadline) throw new Error('nothing can be read')
    await delay(5)
  }
}

async function acknowledged(recorder: Recorder, more: number): Promise<void> {
  const target = recorder.counts.ok + more
  while (recorder.counts.ok < target) await delay(5)
}

class EpisodeScene implements Scene {
  readonly cluster: Cluster
  readonly random: Random
  endedAt = Infinity
  private awayAt = Infinity

  constructor(cluster: Cluster, random: Random) {
    this.cluster = cluster
    this.random = random
  }

  pause(ms: number): Promise<void> {
    return delay(ms)
  }

  back(): void {
    this.endedAt = performance.now()
  }

  async away(): Promise<void> {
    for (const member of this.cluster.living)
      while ((await readiness(member.adminPort)) !== 503) await delay(5)
    this.awayAt = performance.now()
  }

  wasAway(moment: number): boolean {
    return moment > this.awayAt && moment < this.endedAt
  }
}

const readiness = async (adminPort: number): Promise<number> =>
  (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status

/** Nobody helps the servers: each must find its way back by itself. */
const GIVE_UP_MS = 20_000

/** Waits until every server writes again and says that it is ready; how long that took. */
export async function recovered(cluster: Cluster, random: Random, since: number): Promise<number> {
  if (cluster.living.length < cluster.size) throw new Error('a server ended that nobody had killed')
  const client = new ClusterRestClient(cluster, random, await cluster.token('probe'))
  for (const member of cluster.living) {
    for (;;) {
      const outcome = await client.call('PUT', '/probe', 'x', member)
      if (outcome.kind === 'ok' && (await readiness(member.adminPort)) === 200) break
      if (performance.now() - since > GIVE_UP_MS)
        throw new Error(`a server did not recover within ${GIVE_UP_MS} ms: ${JSON.stringify(outcome)}`)
      await delay(5)
    }
  }
  client.close()
  return performance.now() - since
}
