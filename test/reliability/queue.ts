import { setTimeout as delay } from 'node:timers/promises'
import type { AnyJson } from '../helpers/json.ts'
import type { RespReply } from '../helpers/resp-client.ts'
import type { ClusterRespClient, ClusterRestClient, Outcome } from './clients.ts'
import type { Random } from './random.ts'
import type { Recorder } from './recorder.ts'

const QUEUE = 'queue'
const MAX_REFUSALS = 1_000

interface Pushed {
  readonly producer: number
  /** Place among those of its producer. */
  readonly ordinal: number
  readonly outcome: 'ok' | 'refused' | 'unknown'
}

interface Popped {
  readonly element: string
  readonly call: number
  readonly end: number
}

/** A work queue that many fill at one end and many empty at the other, each element exactly once. */
export class WorkQueue {
  private readonly recorder: Recorder
  private readonly pushed = new Map<string, Pushed>()
  private readonly popped: Popped[] = []
  private readonly ordinals = new Map<number, number>()
  private unknownPops = 0

  constructor(recorder: Recorder) {
    this.recorder = recorder
  }

  get size(): number {
    return this.pushed.size + this.popped.length
  }

  async push(
    producer: number,
    client: ClusterRespClient,
    rest: ClusterRestClient,
    random: Random,
  ): Promise<void> {
    const ordinal = this.ordinals.get(producer) ?? 0
    this.ordinals.set(producer, ordinal + 1)
    const element = `p${producer}-${ordinal}`
    const { outcome } = await this.recorder.request<unknown>(
      true,
      async (): Promise<Outcome<unknown>> =>
        random.below(3) === 0
          ? rest.call('POST', `/${QUEUE}/rpush`, { value: element })
          : client.call('RPUSH', QUEUE, element),
    )
    if (outcome.kind === 'error') return
    if (outcome.kind === 'ok') this.recorder.written++
    else await delay(5)
    this.pushed.set(element, { producer, ordinal, outcome: outcome.kind })
  }

  async pop(client: ClusterRespClient, rest: ClusterRestClient, random: Random): Promise<void> {
    const way = random.below(3)
    if (way === 0)
      await this.took<Record<string, AnyJson>>(
        () => rest.call('POST', `/${QUEUE}/lpop`),
        (reply) => reply.body.value,
      )
    else if (way === 1)
      await this.took<RespReply>(
        () => client.call('LPOP', QUEUE),
        (reply) => (reply as Buffer | null)?.toString(),
      )
    else
      await this.took<RespReply>(
        () => client.call('BLPOP', QUEUE, '0.2'),
        (reply) => (reply as Buffer[] | null)?.[1]?.toString(),
      )
  }

  /** Empties the queue when all is quiet. */
  async drain(client: ClusterRespClient): Promise<void> {
    for (let refusals = 0; ; ) {
      const before = this.popped.length
      const outcome = await this.took<RespReply>(
        () => client.call('LPOP', QUEUE),
        (reply) => (reply as Buffer | null)?.toString(),
      )
      if (outcome.kind === 'ok' && this.popped.length === before) return
      // On a busy machine a link may still be given up.
      if (outcome.kind !== 'ok' && ++refusals > MAX_REFUSALS)
        throw new Error(`the queue could not be emptied: ${outcome.text}`)
    }
  }

  check(): void {
    const { violations } = this.recorder
    const seen = new Set<string>()
    for (const { element } of this.popped) {
      if (seen.has(element)) violations.push(`${element} was popped twice`)
      seen.add(element)
      const outcome = this.pushed.get(element)?.outcome
      if (outcome === undefined) violations.push(`${element} was popped, but nobody pushed it`)
      if (outcome === 'refused') violations.push(`${element} was popped, but its push was refused`)
    }
    const missing = [...this.pushed]
      .filter(([element, { outcome }]) => outcome === 'ok' && !seen.has(element))
      .map(([element]) => element)
    if (missing.length > this.unknownPops) {
      const last = this.popped.slice(-5).map(({ element }) => element)
      violations.push(
        `${missing.length} elements are lost, but the outcome of only ${this.unknownPops} pops is unknown: ${missing.slice(0, 5).join()}`,
        `the last popped: ${last.join()}`,
      )
    }
    this.checkOrder()
  }

  /**
   * Of two elements of one producer the earlier one leaves first. One whose push is unknown may have come
   * late.
   */
  private checkOrder(): void {
    const latest = new Map<number, Popped & Pushed>()
    const sure = this.popped.flatMap((pop) => {
      const push = this.pushed.get(pop.element)
      return push?.outcome === 'ok' ? [{ ...pop, ...push }] : []
    })
    for (const pop of sure.sort((a, b) => a.producer - b.producer || a.ordinal - b.ordinal)) {
      const before = latest.get(pop.producer)
      // `before` holds that pop of an earlier element which began last.
      if (before !== undefined && pop.end < before.call)
        this.recorder.violations.push(`${pop.element} was popped before ${before.element}`)
      if (before === undefined || pop.call > before.call) latest.set(pop.producer, pop)
    }
  }

  private async took<Reply>(
    send: () => Promise<Outcome<Reply>>,
    read: (reply: Reply) => string | null | undefined,
  ): Promise<Outcome<Reply>> {
    const { outcome, call, end } = await this.recorder.request(true, send)
    if (outcome.kind === 'unknown') this.unknownPops++
    if (outcome.kind === 'refused') await delay(5)
    const element = outcome.kind === 'ok' ? read(outcome.reply) : undefined
    if (element === undefined || element === null) return outcome
    this.recorder.written++
    this.popped.push({ element, call, end })
    return outcome
  }
}
