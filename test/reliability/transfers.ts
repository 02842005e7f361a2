import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterRespClient, ClusterRestClient } from './clients.ts'
import type { Random } from './random.ts'
import type { Recorder } from './recorder.ts'

const ACCOUNTS = ['account-0', 'account-1', 'account-2', 'account-3'] as const
const EACH = 1_000
/** Money is only moved, so whoever looks at all accounts at one moment sees this much. */
const TOTAL = EACH * ACCOUNTS.length

const pair = (random: Random): [from: string, to: string] => {
  const from = random.below(ACCOUNTS.length)
  return [ACCOUNTS[from]!, ACCOUNTS[(from + random.between(1, ACCOUNTS.length - 1)) % ACCOUNTS.length]!]
}

export async function openAccounts(recorder: Recorder, client: ClusterRespClient): Promise<void> {
  const { outcome } = await recorder.request(true, () =>
    client.call('MSET', ...ACCOUNTS.flatMap((account) => [account, EACH])),
  )
  if (outcome.kind !== 'ok') throw new Error(`the accounts could not be opened: ${outcome.text}`)
  recorder.written++
}

/** Moves money as a careful client does: reads under WATCH, computes itself, writes what it computed. */
export async function watchedTransfer(
  recorder: Recorder,
  client: ClusterRespClient,
  random: Random,
): Promise<void> {
  const [from, to] = pair(random)
  const amount = random.between(1, 50)
  const seen = await recorder.request(false, () =>
    client.pipeline([
      ['WATCH', from, to],
      ['MGET', from, to],
    ]),
  )
  if (seen.outcome.kind !== 'ok' || seen.outcome.reply[0] instanceof Error) {
    // Without its WATCH, EXEC would apply whatever was read.
    client.close()
    await delay(5)
    return
  }
  const [a, b] = (seen.outcome.reply[1] as Buffer[]).map(Number) as [number, number]
  const { outcome } = await recorder.request(true, () =>
    client.pipeline([['MULTI'], ['SET', from, a - amount], ['SET', to, b + amount], ['EXEC']]),
  )
  if (outcome.kind === 'ok' && outcome.reply[3] !== null) recorder.written++
}

/** Moves it by a transaction that needs no look before. */
export async function blindTransfer(
  recorder: Recorder,
  client: ClusterRespClient,
  random: Random,
): Promise<void> {
  const [from, to] = pair(random)
  const amount = random.between(1, 50)
  const { outcome } = await recorder.request(true, () =>
    client.pipeline([['MULTI'], ['DECRBY', from, amount], ['INCRBY', to, amount], ['EXEC']]),
  )
  if (outcome.kind === 'ok') recorder.written++
  else await delay(5)
}

export async function batchTransfer(
  recorder: Recorder,
  client: ClusterRestClient,
  random: Random,
): Promise<void> {
  const [from, to] = pair(random)
  const by = random.between(1, 50)
  const operations = [
    { op: 'decr', key: from, by },
    { op: 'incr', key: to, by },
  ]
  const { outcome, call, end } = await recorder.request(true, () =>
    client.call('POST', '/batch', { operations }),
  )
  if (outcome.kind === 'ok') {
    recorder.written++
    recorder.sawVersion(outcome.reply.body.version, true, call, end)
  } else {
    await delay(5)
  }
}

/** Looks at all accounts at one moment, in one of three ways. */
export async function audit(
  recorder: Recorder,
  resp: ClusterRespClient,
  rest: ClusterRestClient,
  random: Random,
): Promise<void> {
  const balances = await looked(recorder, resp, rest, random.below(3))
  if (balances === undefined) {
    await delay(5)
    return
  }
  const sum = balances.reduce((total, balance) => total + balance, 0)
  if (sum !== TOTAL)
    recorder.violations.push(`the accounts hold ${sum} instead of ${TOTAL}: ${balances.join(', ')}`)
}

async function looked(
  recorder: Recorder,
  resp: ClusterRespClient,
  rest: ClusterRestClient,
  way: number,
): Promise<number[] | undefined> {
  if (way === 0) {
    const { outcome } = await recorder.request(false, () => resp.call('MGET', ...ACCOUNTS))
    return outcome.kind === 'ok' ? (outcome.reply as Buffer[]).map(Number) : undefined
  }
  if (way === 1) {
    const { outcome } = await recorder.request(false, () =>
      resp.pipeline([['MULTI'], ...ACCOUNTS.map((account) => ['GET', account]), ['EXEC']]),
    )
    return outcome.kind === 'ok' ? (outcome.reply.at(-1) as Buffer[]).map(Number) : undefined
  }
  const operations = ACCOUNTS.map((key) => ({ op: 'get', key }))
  const { outcome } = await recorder.request(false, () => rest.call('POST', '/batch', { operations }))
  return outcome.kind === 'ok'
    ? outcome.reply.body.results.map(({ value }: { value: unknown }) => Number(value))
    : undefined
}
