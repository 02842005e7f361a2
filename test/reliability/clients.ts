import { Agent, request as httpRequest } from 'node:http'
import type { AnyJson } from '../helpers/json.ts'
import { RespClient, type RespReply } from '../helpers/resp-client.ts'
import type { Cluster, Member } from './cluster.ts'
import type { Random } from './random.ts'

/**
 * How a request ended. `refused`: nothing was written, as the answer said, or because it was never sent.
 * `unknown`: the answer said so, or the connection ended without one.
 */
export type Outcome<T> =
  | { readonly kind: 'ok'; readonly reply: T }
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'unknown'; readonly text: string }
  /** Any other error: none is foreseen in the workload. */
  | { readonly kind: 'error'; readonly text: string }

/** Nothing may hang: the settings of the servers under test end every wait long before this. */
const ANSWER_WITHIN_MS = 15_000

const UNKNOWN = /outcome of this write is unknown/
const REFUSED = /nothing was written|too many concurrent changes/

function outcomeOfText<T>(text: string): Outcome<T> {
  if (UNKNOWN.test(text)) return { kind: 'unknown', text }
  return REFUSED.test(text) ? { kind: 'refused', text } : { kind: 'error', text }
}

const withDeadline = async <T>(what: string, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new NoAnswer(`no answer within ${ANSWER_WITHIN_MS} ms: ${what}`)),
      ANSWER_WITHIN_MS,
    )
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

class NoAnswer extends Error {}

/** One RESP client: it logs in at any server that lives, and at another when that one is gone. */
export class ClusterRespClient {
  private client: RespClient | undefined
  private readonly cluster: Cluster
  private readonly random: Random
  private readonly token: string

  constructor(cluster: Cluster, random: Random, token: string) {
    this.cluster = cluster
    this.random = random
    this.token = token
  }

  async call(...args: ReadonlyArray<string | number>): Promise<Outcome<RespReply>> {
    const outcome = await this.pipeline([args])
    return outcome.kind === 'ok' ? { kind: 'ok', reply: outcome.reply[0]! } : outcome
  }

  /**
   * Sends all at once. Its outcome is that of the last command; the replies to the others are as they came.
   */
  async pipeline(commands: ReadonlyArray<ReadonlyArray<string | number>>): Promise<Outcome<RespReply[]>> {
    let client: RespClient
    try {
      client = await this.connected()
    } catch (error) {
      return { kind: 'refused', text: `not sent: ${(error as Error).message}` }
    }
    try {
      for (const command of commands) client.send(...command)
      const replies = await withDeadline(String(commands.at(-1)![0]), client.replies(commands.length))
      const last = replies.at(-1)!
      return last instanceof Error ? outcomeOfText(last.message) : { kind: 'ok', reply: replies }
    } catch (error) {
      this.close()
      return { kind: error instanceof NoAnswer ? 'error' : 'unknown', text: (error as Error).message }
    }
  }

  close(): void {
    this.client?.destroy()
    this.client = undefined
  }

  private async connected(): Promise<RespClient> {
    if (this.client !== undefined && !this.client.closed) return this.client
    const { respPort } = this.cluster.anyMember(this.random)
    const client = await RespClient.connect(respPort)
    const login = await withDeadline('AUTH', client.text('AUTH', this.token))
    if (login !== 'OK') throw new Error(`AUTH: ${login}`)
    this.client = client
    return client
  }
}

export interface RestReply {
  readonly status: number
  readonly body: Record<string, AnyJson>
}

/** Statuses that are answers of the operation itself. */
const ANSWERS: ReadonlySet<number> = new Set([200, 201, 404])
const CONFLICTS: ReadonlySet<string> = new Set(['version_mismatch', 'key_exists', 'key_not_exists'])

export class ClusterRestClient {
  private readonly agent = new Agent({ keepAlive: true })
  private readonly cluster: Cluster
  private readonly random: Random
  private readonly token: string

  constructor(cluster: Cluster, random: Random, token: string) {
    this.cluster = cluster
    this.random = random
    this.token = token
  }

  async call(method: string, path: string, body?: unknown, member?: Member): Promise<Outcome<RestReply>> {
    let target: Member
    try {
      target = member ?? this.cluster.anyMember(this.random)
    } catch (error) {
      return { kind: 'refused', text: `not sent: ${(error as Error).message}` }
    }
    try {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const reply = await withDeadline(`${method} ${path}`, this.send(target.httpPort, method, path, text))
      if (ANSWERS.has(reply.status) || (reply.status === 409 && CONFLICTS.has(reply.body.error)))
        return { kind: 'ok', reply }
      return outcomeOfText(`${reply.status} ${reply.body.error}: ${reply.body.message}`)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ECONNREFUSED') return { kind: 'refused', text: 'not sent: ECONNREFUSED' }
      return { kind: error instanceof NoAnswer ? 'error' : 'unknown', text: message }
    }
  }

  close(): void {
    this.agent.destroy()
  }

  private send(port: number, method: string, path: string, body: string | undefined): Promise<RestReply> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      }
      const sending = httpRequest(
        { port, host: '127.0.0.1', method, path: `/api/automation/v1/kv${path}`, headers, agent: this.agent },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            try {
              resolve({ status: response.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString()) })
            } catch (error) {
              reject(error as Error)
            }
          })
        },
      )
      sending.on('error', reject)
      sending.end(body)
    })
  }
}
