// node test/reliability/mutations.mjs [name...]: does the harness find what it is for? Breaks the server on purpose, one way at a time, in a
// copy of the tree under the system's temporary folder, and expects a violation within a minute of each. Nothing in this tree is changed.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, run, Stop } from '../../scripts/lib/project.mjs'

/** `faults`: those under which it must show, `none` when it shows without one. */
const MUTATIONS = [
  {
    name: 'no-guard',
    what: 'commit applies what was computed, whatever has changed since',
    faults: 'none',
    edits: [['src/backing/lua/commit.lua', "if (entry and entry[2] or '0') ~= ARGV[7 + 2 * g] then return conflict() end", '']],
  },
  {
    name: 'no-version-guard',
    what: 'the scripts do not compare the version that if_version asks for',
    faults: 'none',
    edits: [
      ['src/backing/lua/commit.lua', "if ARGV[3] ~= '' and (redis.call('GET', KEYS[1]) or '0') ~= ARGV[3] then return conflict() end", ''],
      ['src/backing/lua/run.lua', 'if version ~= ARGV[3] then return', 'if false then return'],
    ],
  },
  {
    name: 'version-outside',
    what: 'the version is counted by a command of its own, behind the script that writes',
    faults: 'none',
    edits: [
      ['src/backing/lua/commit.lua', "redis.call('INCRBY', KEYS[1], requests) - requests", "tonumber(redis.call('GET', KEYS[1]) or '0')"],
      [
        'src/backing/redis.ts',
        '        done(error, reply)\n',
        `        const counts = script.name === 'commit' && Array.isArray(reply) && reply[0] === 1
        if (counts) this.send(['INCRBY', keysAndArgs[1]!, keysAndArgs[Number(keysAndArgs[0]) + 4]!], true, () => done(error, reply))
        else done(error, reply)\n`,
      ],
    ],
  },
  {
    name: 'resend',
    what: 'ioredis sends again what was in flight when the link broke (autoResendUnfulfilledCommands)',
    faults: 'link-cut,replies-stall,reset-in-reply,client-kill',
    edits: [
      ['src/backing/redis.ts', 'autoResendUnfulfilledCommands: false', 'autoResendUnfulfilledCommands: true'],
      ['src/backing/redis.ts', 'maxRetriesPerRequest: 0', 'maxRetriesPerRequest: null'],
    ],
  },
  {
    name: 'retry-unknown',
    what: 'a write whose outcome is unknown is tried again',
    faults: 'link-cut,replies-stall,reset-in-reply,client-kill',
    edits: [
      [
        'src/backing/redis.ts',
        "} else done(new KvError(writes ? 'outcome_unknown' : 'unavailable'), null)",
        `} else if (writes) {
        const again = (): void => void (this.ready ? this.send(command, writes, done) : setTimeout(again, 20))
        setTimeout(again, 20)
      } else done(new KvError('unavailable'), null)`,
      ],
    ],
  },
  {
    name: 'unknown-as-refused',
    what: 'a write whose outcome is unknown is reported as not written',
    faults: 'link-cut,replies-stall,reset-in-reply,client-kill',
    edits: [['src/backing/redis.ts', "writes ? 'outcome_unknown' : 'unavailable'", "writes ? 'unavailable' : 'unavailable'"]],
  },
  {
    name: 'no-append-only-file',
    what: 'the Redis keeps nothing',
    faults: 'redis-kill',
    edits: [['test/reliability/cluster.ts', 'aof: true', 'aof: false']],
  },
]

const COPIED = ['src', 'test', 'scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.test.json', 'vitest.config.ts']

function tryOne({ name, faults, edits }, copy) {
  const before = new Map(edits.map(([file]) => [file, readFileSync(join(copy, file), 'utf8')]))
  const output = join(copy, 'report.json')
  try {
    for (const [file, from, to] of edits) {
      const text = readFileSync(join(copy, file), 'utf8')
      if (!text.includes(from)) throw new Stop(`${name}: ${file} no longer has: ${from}`)
      writeFileSync(join(copy, file), text.replace(from, () => to))
    }
    const node = (...args) => spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env })
    const env = {
      ...process.env, NO_COLOR: '1', AUTOMATION_KV_TEST_MINUTES: '1', AUTOMATION_KV_TEST_OUTPUT: output, AUTOMATION_KV_TEST_FAULTS: faults,
    }
    // Not `npm run build`, which might install packages into the folder of this tree.
    const built = node('--input-type=module', '-e', "(await import('./scripts/lib/build.mjs')).build()")
    if (built.status !== 0) throw new Stop(`${name}: the build failed\n${built.stdout}${built.stderr}`)
    const startedAt = performance.now()
    const { stdout, stderr } = node('node_modules/vitest/vitest.mjs', 'run', 'test/reliability/reliability.test.ts')
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    const [violation] = existsSync(output) ? JSON.parse(readFileSync(output, 'utf8')).violations : [/Error: .*/.exec(stdout + stderr)?.[0]]
    return { seconds, violation }
  } finally {
    for (const [file, text] of before) writeFileSync(join(copy, file), text)
    rmSync(output, { force: true })
  }
}

await run(() => {
  const copy = mkdtempSync(join(tmpdir(), 'akv-mutations-'))
  try {
    for (const item of COPIED) cpSync(join(root, item), join(copy, item), { recursive: true, preserveTimestamps: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    const chosen = process.argv.slice(2)
    let missed = 0
    for (const mutation of MUTATIONS.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
      const { seconds, violation } = tryOne(mutation, copy)
      if (violation === undefined) missed++
      const verdict = violation === undefined ? 'NOT FOUND' : `found after ${seconds} s`
      process.stdout.write(`${mutation.name} (${mutation.what}): ${verdict}\n  ${(violation ?? '').split('\n')[0].slice(0, 200)}\n`)
    }
    return missed === 0 ? 0 : 1
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
})
