import { type RespClient, request } from '../../helpers/resp-client.ts'
import { exchange } from './exchange.ts'
import { calledBy } from './families/scripting.ts'
import { contentOf, type Node, parseReply, sameReply } from './replies.ts'
import { type Sequence, type Step, showCommand, showStep } from './sequences.ts'
import type { Connections, ServerPair, Side } from './server-pair.ts'
import { type Command, KEYS, SKETCHES } from './words.ts'

/** Where both sides first answered differently, with all that led to it. */
class Difference extends Error {
  constructor(transcript: readonly string[], what: string, redis: string, ours: string) {
    super(`${transcript.join('\n')}\n${what}\n  redis ${redis}\n  ours  ${ours}\n`)
  }
}

const MESSAGE_TIMEOUT_MS = 10_000

const command = (...texts: string[]): Command => texts.map((text) => Buffer.from(text, 'latin1'))

const show = ({ raw }: Node): string =>
  raw.length > 600 ? `${JSON.stringify(raw.slice(0, 600))}...` : JSON.stringify(raw)

async function both(
  connections: Connections,
  on: Step['on'],
  commands: readonly Command[],
): Promise<Array<readonly [redis: Node, ours: Node]>> {
  const bytes = Buffer.concat(commands.map((args) => request(...args)))
  const ask = async (side: Side): Promise<Node[]> =>
    (await exchange(side[on], bytes, commands.length)).map(parseReply)
  const [redis, ours] = await Promise.all([ask(connections.redis), ask(connections.ours)])
  return redis.map((reply, i) => [reply, ours[i]!] as const)
}

/** Steps that go out as one write. */
export function* chunksOf(steps: readonly Step[]): Generator<readonly Step[]> {
  let chunk: Step[] = []
  for (const [i, step] of steps.entries()) {
    chunk.push(step)
    if (!step.wait && steps[i + 1]?.on === step.on) continue
    yield chunk
    chunk = []
  }
}

/**
 * Redis counts in DBSIZE what has expired and is not removed yet; in the end, when all keys have been looked
 * at, both must say the same.
 */
const sameInPassing = (args: Command, redis: Node, ours: Node): boolean =>
  /^dbsize$/i.test(args[0]!.toString('latin1')) && redis.type === ':' && ours.type === ':'
    ? Number(ours.raw.slice(1)) <= Number(redis.raw.slice(1))
    : sameReply(args, redis, ours)

/**
 * What a connection has queued since MULTI, so that each element of EXEC's reply is compared as its own
 * command's.
 */
class Queue {
  private queued: Command[] | undefined

  sameAsOurs(args: Command, redis: Node, ours: Node): boolean {
    const name = args[0]!.toString('latin1').toUpperCase()
    const queued = this.queued
    if (name === 'MULTI' && redis.raw === '+OK\r\n') this.queued = []
    if (name === 'EXEC' || name === 'DISCARD') this.queued = undefined
    if (redis.raw === '+QUEUED\r\n') queued?.push(args)
    if (name !== 'EXEC' || queued === undefined || redis.type !== '*' || redis.items.length !== queued.length)
      return sameInPassing(args, redis, ours)
    return (
      ours.items.length === queued.length &&
      queued.every((inner, i) => sameInPassing(inner, redis.items[i]!, ours.items[i]!))
    )
  }
}

/** After a pop at random the real Redis is given our members. */
async function evenOut(given: Command, redis: Node, ours: Node, client: RespClient): Promise<void> {
  const args = calledBy(given)
  const members = (reply: Node): Buffer[] =>
    reply.type === '$' ? [contentOf(reply)] : reply.items.map(contentOf)
  if (!/^spop$/i.test(args[0]?.toString('latin1') ?? '') || redis.raw === ours.raw || redis.type === '-')
    return
  const [popped, kept] = [members(ours), members(redis)]
  if (popped.length === 0 || kept.length === 0) return
  await client.raw('SADD', args[1]!, ...kept)
  await client.raw('SREM', args[1]!, ...popped)
}

const CONTENT: Readonly<Record<string, (key: string) => Command>> = {
  string: (key) => command('GET', key),
  list: (key) => command('LRANGE', key, '0', '-1'),
  hash: (key) => command('HGETALL', key),
  set: (key) => command('SMEMBERS', key),
  zset: (key) => command('ZRANGE', key, '0', '-1', 'WITHSCORES'),
  stream: (key) => command('XRANGE', key, '-', '+'),
}

/** TYPE, contents and TTL of every key. */
async function compareStates(connections: Connections, transcript: readonly string[]): Promise<void> {
  const compare = async (commands: readonly Command[]): Promise<Node[]> => {
    const replies = await both(connections, 'other', commands)
    for (const [i, [redis, ours]] of replies.entries()) {
      if (!sameReply(commands[i]!, redis, ours))
        throw new Difference(transcript, `in the end, ${showCommand(commands[i]!)}`, show(redis), show(ours))
    }
    return replies.map(([redis]) => redis)
  }
  const types = await compare([
    ...KEYS.map((key) => command('TYPE', key)),
    ...KEYS.map((key) => command('PTTL', key)),
    command('KEYS', '*'),
    command('DBSIZE'),
    ...SKETCHES.map((key) => command('PFCOUNT', key)),
  ])
  const contents = KEYS.flatMap((key, i) => {
    const content = CONTENT[types[i]!.raw.slice(1, -2)]
    return content === undefined ? [] : [content(key)]
  })
  if (contents.length > 0) await compare(contents)
}

let sequences = 0

/** What listeners were told, in its order, up to a last message that tells where it ends. */
async function compareMessages(connections: Connections, transcript: readonly string[]): Promise<void> {
  const last = `end of sequence ${++sequences}`
  await both(connections, 'other', [command('PUBLISH', 'news', last)])
  const heard = async ({ listener }: Side): Promise<string[]> => {
    const timer = setTimeout(() => listener.destroy(), MESSAGE_TIMEOUT_MS)
    const all: string[] = []
    // The pattern fits to that channel too, and comes after it.
    while (!/pmessage[^]*end of sequence/.test(all.at(-1) ?? '')) {
      const [frame] = await listener.frameBytes(1).catch(() => [Buffer.from('(closed)')])
      all.push(frame!.toString('latin1'))
      if (listener.closed) break
    }
    clearTimeout(timer)
    return all
  }
  const [redis, ours] = await Promise.all([heard(connections.redis), heard(connections.ours)])
  if (JSON.stringify(redis) !== JSON.stringify(ours))
    throw new Difference(transcript, 'listeners heard:', JSON.stringify(redis), JSON.stringify(ours))
}

/** Runs a sequence on both sides from an empty database; throws a `Difference`. */
export async function runSequence(servers: ServerPair, { protocol, steps }: Sequence): Promise<void> {
  const connections = await servers.connections(protocol)
  for (const on of ['main', 'other'] as const)
    await both(connections, on, [command('DISCARD'), command('UNWATCH'), command('FLUSHALL')])
  const transcript = [`RESP${protocol}`]
  const queues = { main: new Queue(), other: new Queue() }
  for (const chunk of chunksOf(steps)) {
    const { on } = chunk[0]!
    const replies = await both(
      connections,
      on,
      chunk.map(({ args }) => args),
    )
    for (const [i, [redis, ours]] of replies.entries()) {
      const step = chunk[i]!
      transcript.push(showStep(step))
      if (!queues[on].sameAsOurs(step.args, redis, ours))
        throw new Difference(transcript, `answered differently:`, show(redis), show(ours))
    }
    if (chunk.length === 1) await evenOut(chunk[0]!.args, ...replies[0]!, connections.redis.other)
  }
  await both(connections, 'main', [command('DISCARD')])
  await compareStates(connections, transcript)
  await compareMessages(connections, transcript)
}
