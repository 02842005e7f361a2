// Ways to break the server on purpose: see mutations.mjs. An edit is [file, what is there, what is put in its
// place].

/**
 * @typedef {object} Mutation
 * @property {string} name
 * @property {string} what
 * @property {string} faults those under which it must show, `none` when it shows without one
 * @property {(readonly [file: string, from: string, to: string])[]} edits
 */

/** @type {readonly Mutation[]} */
export const MUTATIONS = [
  {
    name: 'no-guard',
    what: 'commit applies what was computed, whatever has changed since',
    faults: 'none',
    edits: [
      [
        'src/backing/lua/commit.lua',
        "if (entry and entry[2] or '0') ~= guard and not (entry and has_guard(entry[4], guard)) then return conflict() end",
        '',
      ],
    ],
  },
  {
    name: 'no-version-guard',
    what: 'the scripts do not compare the version that if_version asks for',
    faults: 'none',
    edits: [
      [
        'src/backing/lua/commit.lua',
        "if ARGV[5] ~= '' and (redis.call('GET', KEYS[1]) or '0') ~= ARGV[5] then return conflict() end",
        '',
      ],
      ['src/backing/lua/run.lua', 'if version ~= ARGV[5] then return', 'if false then return'],
    ],
  },
  {
    name: 'version-outside',
    what: 'the version is counted by a command of its own, behind the script that writes',
    faults: 'none',
    edits: [
      [
        'src/backing/lua/commit.lua',
        "redis.call('INCRBY', KEYS[1], requests) - requests",
        "tonumber(redis.call('GET', KEYS[1]) or '0')",
      ],
      [
        'src/backing/single-node.ts',
        '        done(error, reply, bytes)\n',
        `        const counts = script.name === 'commit' && Array.isArray(reply) && reply[0] === 1
        if (counts) this.send(['INCRBY', keysAndArgs[1]!, keysAndArgs[Number(keysAndArgs[0]) + 4]!], true, () => done(error, reply, bytes))
        else done(error, reply, bytes)\n`,
      ],
    ],
  },
  {
    name: 'resend',
    what: 'what was in flight when the link broke is sent again on the next one',
    faults: 'link-cut,replies-stall,reset-in-reply,client-kill',
    edits: [
      [
        'src/backing/link.ts',
        'export class Link {',
        `const sent = new Map<BackingCallback, readonly ScriptArg[]>()
const unsure: BackingCallback[] = []
export class Link {`,
      ],
      ['src/backing/link.ts', 'this.waiting.push(done)', 'this.waiting.push(done); sent.set(done, words)'],
      [
        'src/backing/link.ts',
        'for (const done of this.waiting.drain()) this.events.unanswered(done)',
        'unsure.push(...this.waiting.drain())',
      ],
      [
        'src/backing/link.ts',
        "stream.once('close', () => this.breakOff())",
        "stream.once('close', () => this.breakOff()); for (const done of unsure.splice(0)) this.send(sent.get(done)!, done)",
      ],
    ],
  },
  {
    name: 'retry-unknown',
    what: 'a write whose outcome is unknown is tried again',
    faults: 'link-cut,replies-stall,reset-in-reply,client-kill',
    edits: [
      [
        'src/backing/single-node.ts',
        'link.send(command, writes ? knowingOutcome(done) : done)',
        `const retried: BackingCallback = (error, reply, bytes) => {
      const again = (): void => void (this.ready ? this.send(command, writes, done) : setTimeout(again, 20))
      if (error instanceof KvError && error.code === 'outcome_unknown') setTimeout(again, 20)
      else done(error, reply, bytes)
    }
    link.send(command, writes ? knowingOutcome(retried) : done)`,
      ],
    ],
  },
  {
    name: 'unknown-as-refused',
    what: 'a write whose outcome is unknown is reported as not written',
    faults: 'link-cut,replies-stall,reset-in-reply,client-kill',
    edits: [['src/backing/single-node.ts', "new KvError('outcome_unknown')", "new KvError('unavailable')"]],
  },
  {
    name: 'no-append-only-file',
    what: 'the Redis keeps nothing',
    faults: 'redis-kill',
    edits: [['test/reliability/cluster.ts', 'aof: true', 'aof: false']],
  },
]
