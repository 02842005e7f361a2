import { type ChannelKind, channelMatcher } from '../../engine/messaging/topics.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'
import { connection, container } from '../../registry/row.ts'
import { MultiReply, PushReply, type Reply, SimpleString } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'

/** The words of the confirmations, as Redis spells them. */
const VERBS: Readonly<Record<ChannelKind, { readonly on: string; readonly off: string }>> = {
  channel: { on: 'subscribe', off: 'unsubscribe' },
  pattern: { on: 'psubscribe', off: 'punsubscribe' },
  shard: { on: 'ssubscribe', off: 'sunsubscribe' },
}

/** Shard channels are counted apart from the others. */
const countOf = ({ subscriptions }: Session, kind: ChannelKind): number =>
  kind === 'shard' ? subscriptions.shard.size : subscriptions.channel.size + subscriptions.pattern.size

const subscribe =
  (kind: ChannelKind) =>
  async (session: Session, args: readonly Buffer[]): Promise<Reply> => {
    // The arguments lie in the chunk that was received, which must not be kept for them.
    const names = args.slice(1).map((name) => Buffer.from(name))
    // A pattern that is refused changes nothing.
    if (kind === 'pattern') names.forEach(channelMatcher)
    const known = new Set(session.subscriptions[kind].keys())
    const others = countOf(session, kind) - known.size
    const early = await session.subscriptions.listen(kind, names)
    const confirmations = names.map(
      (name) => new PushReply([VERBS[kind].on, name, others + known.add(idOf(name)).size]),
    )
    return new MultiReply([...confirmations, ...early])
  }

const unsubscribe =
  (kind: ChannelKind) =>
  (session: Session, args: readonly Buffer[]): Reply => {
    const own = session.subscriptions[kind]
    const names = args.length > 1 ? args.slice(1) : [...own.values()]
    if (names.length === 0) return new PushReply([VERBS[kind].off, null, countOf(session, kind)])
    const known = names.filter((name) => own.has(idOf(name)))
    if (known.length > 0) session.subscriptions.leave(kind, known)
    return new MultiReply(
      names.map((name) => {
        own.delete(idOf(name))
        return new PushReply([VERBS[kind].off, name, countOf(session, kind)])
      }),
    )
  }

type Kind = 'channel' | 'shard'

/** Both ways of a command that asks who listens. */
const asking = (
  answer: (numbers: (kind: ChannelKind) => ReadonlyMap<string, number>, args: readonly Buffer[]) => Reply,
  kind: ChannelKind,
) => ({
  run: (db: Database, args: readonly Buffer[]): Reply =>
    answer((of) => db.messages.listeners.numbers(of), args),
  handle: async ({ context, automation }: Session, args: readonly Buffer[]): Promise<Reply> => {
    const counts = await context.pubsub.subscriberCounts(automation!, kind)
    return answer(() => counts, args)
  },
})

const publish = (kind: Kind) => ({
  run: (db: Database, args: readonly Buffer[]): Reply => db.messages.publish(kind, args[1]!, args[2]!),
  handle: ({ context, automation }: Session, args: readonly Buffer[]): Promise<Reply> =>
    context.pubsub.publish(automation!, kind, args[1]!, args[2]!),
})

const channels = (kind: Kind) =>
  asking((numbers, args) => {
    if (args.length > 3) {
      throw new KvError('wrong_subcommand', { subcommand: args[1]!, command: 'PUBSUB' })
    }
    const matches = args[2] === undefined ? () => true : channelMatcher(args[2])
    return Array.from(numbers(kind).keys(), (id) => Buffer.from(id, 'latin1')).filter(matches)
  }, kind)

const numbers = (kind: Kind) =>
  asking((numbersOf, args) => {
    const counts = numbersOf(kind)
    return args.slice(2).flatMap((name): Reply[] => [name, counts.get(idOf(name)) ?? 0])
  }, kind)

const HELP = [
  'PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CHANNELS [<pattern>]',
  "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT',
  '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]',
  '    Return the number of subscribers for the specified channels, excluding',
  '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]',
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Return the number of subscribers for the specified shard level channel(s)',
  'HELP',
  '    Prints this help.',
].map((line) => new SimpleString(line))

const group = 'pubsub'
const flags = 'pubsub noscript loading stale'

export const PUBSUB = [
  connection({
    name: 'subscribe',
    arity: -2,
    flags,
    group,
    since: '2.0.0',
    exclusive: true,
    whileSubscribed: true,
    syntax: 'channel [channel ...]',
    summary: 'Listens to channels.',
    complexity: 'O(N) in the number of channels',
    handle: subscribe('channel'),
  }),
  connection({
    name: 'psubscribe',
    arity: -2,
    flags,
    group,
    since: '2.0.0',
    exclusive: true,
    whileSubscribed: true,
    syntax: 'pattern [pattern ...]',
    summary: 'Listens to the channels whose names match patterns.',
    complexity: 'O(N) in the number of patterns',
    handle: subscribe('pattern'),
  }),
  connection({
    name: 'ssubscribe',
    arity: -2,
    flags,
    group,
    since: '7.0.0',
    exclusive: true,
    whileSubscribed: true,
    syntax: 'shardchannel [shardchannel ...]',
    summary: 'Listens to shard channels.',
    complexity: 'O(N) in the number of channels',
    handle: subscribe('shard'),
  }),
  connection({
    name: 'unsubscribe',
    arity: -1,
    flags,
    group,
    since: '2.0.0',
    exclusive: true,
    whileSubscribed: true,
    syntax: '[channel [channel ...]]',
    summary: 'Stops listening to channels, or to all.',
    complexity: 'O(N) in the number of channels',
    handle: unsubscribe('channel'),
  }),
  connection({
    name: 'punsubscribe',
    arity: -1,
    flags,
    group,
    since: '2.0.0',
    exclusive: true,
    whileSubscribed: true,
    syntax: '[pattern [pattern ...]]',
    summary: 'Stops listening to patterns, or to all.',
    complexity: 'O(N) in the number of patterns',
    handle: unsubscribe('pattern'),
  }),
  connection({
    name: 'sunsubscribe',
    arity: -1,
    flags,
    group,
    since: '7.0.0',
    exclusive: true,
    whileSubscribed: true,
    syntax: '[shardchannel [shardchannel ...]]',
    summary: 'Stops listening to shard channels, or to all.',
    complexity: 'O(N) in the number of channels',
    handle: unsubscribe('shard'),
  }),
  connection({
    name: 'publish',
    arity: 3,
    flags: 'pubsub loading stale fast may_replicate',
    group,
    right: 'kv:write',
    since: '2.0.0',
    afterWrites: true,
    syntax: 'channel message',
    summary: 'Sends a message to the listeners of a channel, and returns how many there are.',
    complexity: 'O(N+M) in the numbers of listeners and of patterns',
    ...publish('channel'),
  }),
  connection({
    name: 'spublish',
    arity: 3,
    flags: 'pubsub loading stale fast may_replicate',
    group,
    right: 'kv:write',
    since: '7.0.0',
    afterWrites: true,
    syntax: 'shardchannel message',
    summary: 'Sends a message to the listeners of a shard channel, and returns how many there are.',
    complexity: 'O(N) in the number of listeners',
    ...publish('shard'),
  }),
  container(
    {
      name: 'pubsub',
      arity: -2,
      flags: '',
      group,
      since: '2.8.0',
      syntax: '',
      summary: 'Tells about channels and their listeners.',
    },
    [
      connection({
        name: 'pubsub|channels',
        arity: -2,
        flags: 'pubsub loading stale',
        group,
        since: '2.8.0',
        syntax: '[pattern]',
        summary: 'Returns the channels that have listeners.',
        complexity: 'O(N) in the number of channels',
        ...channels('channel'),
      }),
      connection({
        name: 'pubsub|help',
        arity: 2,
        flags: 'loading stale',
        group,
        since: '6.2.0',
        syntax: '',
        summary: 'Returns help about PUBSUB.',
        run: () => HELP,
        handle: () => HELP,
      }),
      connection({
        name: 'pubsub|numpat',
        arity: 2,
        flags: 'pubsub loading stale',
        group,
        since: '2.8.0',
        syntax: '',
        summary: 'Returns how many patterns have listeners.',
        ...asking((numbersOf) => numbersOf('pattern').size, 'pattern'),
      }),
      connection({
        name: 'pubsub|numsub',
        arity: -2,
        flags: 'pubsub loading stale',
        group,
        since: '2.8.0',
        syntax: '[channel [channel ...]]',
        summary: 'Returns how many listen to channels.',
        complexity: 'O(N) in the number of channels',
        ...numbers('channel'),
      }),
      connection({
        name: 'pubsub|shardchannels',
        arity: -2,
        flags: 'pubsub loading stale',
        group,
        since: '7.0.0',
        syntax: '[pattern]',
        summary: 'Returns the shard channels that have listeners.',
        complexity: 'O(N) in the number of channels',
        ...channels('shard'),
      }),
      connection({
        name: 'pubsub|shardnumsub',
        arity: -2,
        flags: 'pubsub loading stale',
        group,
        since: '7.0.0',
        syntax: '[shardchannel [shardchannel ...]]',
        summary: 'Returns how many listen to shard channels.',
        complexity: 'O(N) in the number of channels',
        ...numbers('shard'),
      }),
    ],
  ),
]
