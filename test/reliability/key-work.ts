import { setTimeout as delay } from 'node:timers/promises'
import type { RespReply } from '../helpers/resp-client.ts'
import type { ClusterRespClient, ClusterRestClient, Outcome, RestReply } from './clients.ts'
import type { Model } from './linearizability.ts'
import { COUNTER, type Input, LIST, type Output, REGISTER, SET } from './models.ts'
import type { Random } from './random.ts'
import type { Recorder } from './recorder.ts'

/** What an operation did to a key. */
interface Effect {
  readonly key: string
  readonly model: Model<unknown, Input, Output>
  readonly input: Input
  readonly output: Output | undefined
}

/** One request of a random client: the command, and what its reply says about each of its keys. */
interface Command<Reply> {
  readonly writes: boolean
  readonly send: () => Promise<Outcome<Reply>>
  /** `reply` is undefined when the outcome is unknown. */
  readonly effects: (reply: Reply | undefined) => readonly Effect[]
  readonly version?: (reply: Reply) => number | undefined
}

const WRITING: ReadonlySet<string> = new Set([
  'write',
  'create',
  'append',
  'swap',
  'remove',
  'add',
  'pushRight',
  'pushLeft',
  'popLeft',
  'popRight',
])

/** By its own answer, a write that changed nothing: it must not count as a version. */
const changedNothing = ({ model, input, output }: Effect): boolean => {
  if (!WRITING.has(input.op) || output === null) return input.op !== 'swap'
  return output === 0 && (input.op === 'remove' || (model === SET && input.op === 'add'))
}

/** False when it was refused, or when nobody knows what was read. */
async function perform<Reply>(recorder: Recorder, command: Command<Reply>): Promise<boolean> {
  const { outcome, call, end } = await recorder.request(command.writes, command.send)
  if (outcome.kind === 'refused') await delay(5)
  if (
    outcome.kind === 'refused' ||
    outcome.kind === 'error' ||
    (outcome.kind === 'unknown' && !command.writes)
  )
    return false
  const reply = outcome.kind === 'ok' ? outcome.reply : undefined
  const effects = command.effects(reply)
  for (const { key, model, input, output } of effects) recorder.note(key, model, input, output, call, end)
  if (reply === undefined) return true
  if (effects.some((effect) => !changedNothing(effect))) recorder.written++
  const version = command.version?.(reply)
  if (version !== undefined) recorder.sawVersion(version, command.writes, call, end)
  return true
}

const KEYS_OF_A_KIND = 3
const MAX_REFUSALS = 1_000
const MEMBERS = ['a', 'b', 'c', 'd', 'e']

const plain = (reply: RespReply): Output => {
  if (Buffer.isBuffer(reply)) return reply.toString()
  return Array.isArray(reply) ? reply.map((each) => String(each)) : (reply as number | null)
}

let values = 0
/** Unique, and no JSON: both doors see the same text. */
const freshValue = (): string => `v${(++values).toString(36)}`

const counted = (reply: Output): Output => (reply === null ? 0 : Number(reply))

/** A random request of a RESP client. */
export function respStep(recorder: Recorder, client: ClusterRespClient, random: Random): Promise<unknown> {
  const value = freshValue()
  const name = (kind: string): string => `${kind}-${random.below(KEYS_OF_A_KIND)}`
  const one = (
    model: Effect['model'],
    key: string,
    op: string,
    args: ReadonlyArray<string | number>,
    operand?: string,
    read = plain,
  ): Promise<unknown> =>
    perform<RespReply>(recorder, {
      writes: WRITING.has(op),
      send: () => client.call(...args),
      effects: (reply) => [
        { key, model, input: { op, value: operand }, output: reply === undefined ? undefined : read(reply) },
      ],
    })
  const number = (reply: RespReply): Output => counted(plain(reply))
  const by = String(random.between(1, 9))
  const register = name('register')
  const counter = name('counter')
  const list = name('list')
  const set = name('set')
  const member = random.of(MEMBERS)
  const choices: ReadonlyArray<() => Promise<unknown>> = [
    () => one(REGISTER, register, 'read', ['GET', register]),
    () => one(REGISTER, register, 'write', ['SET', register, value], value),
    () => one(REGISTER, register, 'create', ['SET', register, value, 'NX'], value),
    () => one(REGISTER, register, 'append', ['APPEND', register, value], value),
    () => one(REGISTER, register, 'swap', ['GETSET', register, value], value),
    () => one(REGISTER, register, 'remove', ['DEL', register]),
    () => one(COUNTER, counter, 'read', ['GET', counter], undefined, number),
    () => one(COUNTER, counter, 'add', ['INCR', counter], '1'),
    () => one(COUNTER, counter, 'add', ['DECRBY', counter, by], `-${by}`),
    () =>
      one(
        COUNTER,
        counter,
        'add',
        ['EVAL', "return redis.call('INCRBY', KEYS[1], ARGV[1])", 1, counter, by],
        by,
      ),
    () => one(COUNTER, 'hash.field', 'add', ['HINCRBY', 'hash', 'field', by], by),
    () => one(COUNTER, 'hash.field', 'read', ['HGET', 'hash', 'field'], undefined, number),
    () => one(LIST, list, 'pushRight', ['RPUSH', list, value], value),
    () => one(LIST, list, 'pushLeft', ['LPUSH', list, value], value),
    () => one(LIST, list, 'popLeft', ['LPOP', list]),
    () => one(LIST, list, 'popRight', ['RPOP', list]),
    () => one(LIST, list, 'read', ['LRANGE', list, 0, -1]),
    () => one(LIST, list, 'length', ['LLEN', list]),
    () => one(SET, set, 'add', ['SADD', set, member], member),
    () => one(SET, set, 'remove', ['SREM', set, member], member),
    () => one(SET, set, 'has', ['SISMEMBER', set, member], member),
    () => one(SET, set, 'read', ['SMEMBERS', set]),
    () => several(recorder, client, value),
    () => transaction(recorder, client, by),
  ]
  return random.of(choices)()
}

/** Two keys by one command: either both were written, or none. */
function several(recorder: Recorder, client: ClusterRespClient, value: string): Promise<unknown> {
  return perform<RespReply>(recorder, {
    writes: true,
    send: () => client.call('MSET', 'register-0', value, 'register-1', value),
    effects: (reply) => {
      const output = reply === undefined ? undefined : 'OK'
      return ['register-0', 'register-1'].map((key) => ({
        key,
        model: REGISTER,
        input: { op: 'write', value },
        output,
      }))
    },
  })
}

function transaction(recorder: Recorder, client: ClusterRespClient, by: string): Promise<unknown> {
  return perform<RespReply[]>(recorder, {
    writes: true,
    send: () =>
      client.pipeline([['MULTI'], ['INCRBY', 'counter-0', by], ['INCRBY', 'counter-1', by], ['EXEC']]),
    effects: (replies) =>
      ['counter-0', 'counter-1'].map((key, i) => ({
        key,
        model: COUNTER,
        input: { op: 'add', value: by },
        output: replies === undefined ? undefined : (replies[3] as number[])[i]!,
      })),
  })
}

/** A random request of a REST client, on the same keys. */
export function restStep(recorder: Recorder, client: ClusterRestClient, random: Random): Promise<unknown> {
  const value = freshValue()
  const name = (kind: string): string => `${kind}-${random.below(KEYS_OF_A_KIND)}`
  const register = name('register')
  const counter = name('counter')
  const list = name('list')
  const by = random.between(1, 9)
  const one = (
    model: Effect['model'],
    key: string,
    input: Input,
    [method, path, body]: readonly [string, string, unknown?],
    read: (reply: RestReply) => Output,
  ): Promise<unknown> =>
    perform<RestReply>(recorder, {
      writes: WRITING.has(input.op),
      send: () => client.call(method, path, body),
      effects: (reply) => [{ key, model, input, output: reply === undefined ? undefined : read(reply) }],
      version: (reply) => reply.body.version as number | undefined,
    })
  const shown = ({ status, body }: RestReply): Output => (status === 404 ? null : body.value)
  const choices: ReadonlyArray<() => Promise<unknown>> = [
    () => one(REGISTER, register, { op: 'read' }, ['GET', `/${register}?meta=true`], shown),
    () => one(REGISTER, register, { op: 'write', value }, ['PUT', `/${register}`, value], () => 'OK'),
    () =>
      one(
        REGISTER,
        register,
        { op: 'create', value },
        ['PUT', `/${register}?nx=true`, value],
        ({ status }) => (status === 409 ? null : 'OK'),
      ),
    () =>
      one(REGISTER, register, { op: 'remove' }, ['DELETE', `/${register}`], ({ body }) =>
        body.deleted === true ? 1 : 0,
      ),
    () => one(COUNTER, counter, { op: 'read' }, ['GET', `/${counter}`], (reply) => counted(shown(reply))),
    () =>
      one(COUNTER, counter, { op: 'add', value: String(by) }, ['POST', `/${counter}/incr`, { by }], shown),
    () => one(COUNTER, counter, { op: 'add', value: `-${by}` }, ['POST', `/${counter}/decr`, { by }], shown),
    () =>
      one(
        LIST,
        list,
        { op: 'pushRight', value },
        ['POST', `/${list}/rpush`, { value }],
        ({ body }) => body.length,
      ),
    () =>
      one(
        LIST,
        list,
        { op: 'pushLeft', value },
        ['POST', `/${list}/lpush`, { value }],
        ({ body }) => body.length,
      ),
    () => one(LIST, list, { op: 'popLeft' }, ['POST', `/${list}/lpop`], shown),
    () => one(LIST, list, { op: 'popRight' }, ['POST', `/${list}/rpop`], shown),
    () =>
      one(LIST, list, { op: 'length' }, ['GET', `/${list}/len`], ({ status, body }) =>
        status === 404 ? 0 : body.length,
      ),
  ]
  return random.of(choices)()
}

/** Reads every key once, when all is quiet: what was acknowledged is there, what was refused is not. */
export async function readAll(recorder: Recorder, client: ClusterRespClient): Promise<void> {
  const read = async (
    model: Effect['model'],
    key: string,
    args: readonly string[],
    convert = (output: Output): Output => output,
  ): Promise<void> => {
    const command: Command<RespReply> = {
      writes: false,
      send: () => client.call(...args),
      effects: (reply) => [{ key, model, input: { op: 'read' }, output: convert(plain(reply!)) }],
    }
    // On a busy machine a link may still be given up.
    for (let refusals = 0; !(await perform(recorder, command)); refusals++) {
      if (refusals === MAX_REFUSALS) throw new Error(`${key} could not be read`)
    }
  }
  for (let i = 0; i < KEYS_OF_A_KIND; i++) {
    await read(REGISTER, `register-${i}`, ['GET', `register-${i}`])
    await read(COUNTER, `counter-${i}`, ['GET', `counter-${i}`], counted)
    await read(LIST, `list-${i}`, ['LRANGE', `list-${i}`, '0', '-1'])
    await read(SET, `set-${i}`, ['SMEMBERS', `set-${i}`])
  }
  await read(COUNTER, 'hash.field', ['HGET', 'hash', 'field'], counted)
}
