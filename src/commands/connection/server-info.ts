import type { InfoSections } from '../../engine/plaintext/snapshot.ts'
import { connection } from '../../registry/row.ts'
import { Verbatim } from '../../reply/reply.ts'
import type { Session } from '../../session/session.ts'
import { integer, word } from '../parsing/args.ts'
import { COMPATIBLE_VERSION } from './handshake.ts'
import { infoSections } from './info-sections.ts'

/** Which sections a request names. */
function wantedBy(args: readonly Buffer[]): (name: string) => boolean {
  const names = args.slice(1).map((arg) => arg.toString('latin1').toLowerCase())
  if (names.length === 0 || names.some((name) => ['all', 'default', 'everything'].includes(name)))
    return () => true
  return (name) => names.includes(name)
}

/** The reply, of those sections that the request names. */
export function infoReply(sections: InfoSections, args: readonly Buffer[]): Verbatim {
  const wanted = wantedBy(args)
  const parts = sections
    .filter(([name]) => wanted(name))
    .map(([name, lines]) => [`# ${name[0]!.toUpperCase()}${name.slice(1)}`, ...lines, ''].join('\r\n'))
  return new Verbatim('txt', parts.join('\r\n'))
}

const info = async ({ context, automation }: Session, args: readonly Buffer[]): Promise<Verbatim> =>
  infoReply(await infoSections(context, automation!, wantedBy(args)), args)

const group = 'server'

export const SERVER = [
  connection({
    // Exclusive: it counts the keys that the commands before it wrote.
    name: 'info',
    arity: -1,
    flags: 'loading stale',
    group,
    since: '1.0.0',
    exclusive: true,
    syntax: '[section [section ...]]',
    summary: "Describes this server and the automation's own part of it.",
    handle: info,
  }),
  connection({
    name: 'lolwut',
    arity: -1,
    flags: 'readonly fast',
    group,
    since: '5.0.0',
    syntax: '[VERSION version]',
    summary: 'Displays something nice, and the version.',
    handle: (_session, args) => {
      if (word(args[1]) === 'VERSION' && args.length === 3) integer(args[2]!)
      return new Verbatim(
        'txt',
        `    .--.\n   /.-. '--------.\n   \\'-' .--"--""-'   what you keep here, only you can read\n    '--'\nRedis ver. ${COMPATIBLE_VERSION}\n`,
      )
    },
  }),
  connection({
    name: 'role',
    arity: 1,
    flags: 'noscript loading stale fast',
    group,
    since: '2.8.12',
    syntax: '',
    summary: 'Answers what a master without replicas does: replication is not shown.',
    handle: () => ['master', 0, []],
  }),
  connection({
    name: 'time',
    arity: 1,
    flags: 'loading stale fast',
    group,
    since: '2.6.0',
    syntax: '',
    summary: "Returns this server's clock: seconds and microseconds.",
    handle: () => {
      const now = Date.now()
      return [String(Math.floor(now / 1000)), String((now % 1000) * 1000)]
    },
  }),
]
