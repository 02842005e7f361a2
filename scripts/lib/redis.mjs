import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Stop, say } from './project.mjs'

/** @param {string} name */
const onPath = (name) =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })

const hasServer = () => onPath('redis-server') || onPath('valkey-server')

/** @typedef {readonly [program: string, ...args: string[]]} Command */

/** @typedef {readonly [Command, ...Command[]]} Commands */
/** @typedef {{ name: string, asRoot: boolean, prepare?: Command, commands: Commands }} Manager */

/**
 * One row a package manager; the first one on PATH is taken. `commands` are tried until a server is there.
 * @type {readonly Manager[]}
 */
const MANAGERS = [
  {
    name: 'apt-get',
    asRoot: true,
    prepare: ['apt-get', 'update'],
    commands: [
      [
        'apt-get',
        'install',
        '-y',
        '--no-install-recommends',
        '-o',
        'DPkg::Lock::Timeout=120',
        'redis-server',
      ],
    ],
  },
  {
    name: 'dnf',
    asRoot: true,
    commands: [
      ['dnf', 'install', '-y', 'valkey'],
      ['dnf', 'install', '-y', 'redis'],
    ],
  },
  {
    name: 'apk',
    asRoot: true,
    commands: [
      ['apk', 'add', '--no-cache', 'redis'],
      ['apk', 'add', '--no-cache', 'valkey'],
    ],
  },
  { name: 'brew', asRoot: false, commands: [['brew', 'install', 'redis']] },
]

/**
 * Sees to it that the server, or a test, can start a Redis of its own: looks for one on PATH, else installs
 * it. Nothing is done to a Redis that runs already, and none is started.
 */
export const ensureRedis = () => {
  if (hasServer()) return
  const manager = MANAGERS.find(({ name }) => onPath(name))
  const needed = 'a Redis is needed: neither REDIS_URL is set nor is redis-server or valkey-server on PATH'
  if (manager === undefined)
    throw new Stop(
      `${needed}. Install Redis 6.2 or newer: https://redis.io/docs/latest/operate/oss_and_stack/install/`,
    )
  const command = manager.commands[0].filter((word) => !/^(?:-o|DPkg::.*)$/.test(word)).join(' ')
  if (manager.asRoot && process.getuid?.() !== 0)
    throw new Stop(`${needed}. Install one with: sudo ${command}`)
  say(`neither REDIS_URL nor a redis-server on PATH: installing one with ${command}`)
  const output = withoutServices(() => install(manager))
  if (!hasServer())
    throw new Stop(`the installation failed; install Redis by hand (${command}) or set REDIS_URL\n${output}`)
}

/** @param {Manager} manager */
const install = ({ prepare, commands }) => {
  let output = prepare === undefined ? '' : execute(prepare)
  for (const command of commands) {
    if (!hasServer()) output += execute(command)
  }
  return output
}

/** @param {Command} command */
const execute = ([name, ...args]) => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1' }
  const { stdout, stderr, error } = spawnSync(name, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return error ? `${error.message}\n` : `${stdout}${stderr}`
}

const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Debian starts what it installs unless policy-rc.d says 101
 * (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt).
 * @param {() => string} work
 */
const withoutServices = (work) => {
  if (!onPath('apt-get') || existsSync(POLICY)) return work()
  // With a listener a Ctrl-C waits until the policy is gone again; it would stop every later service of this
  // machine.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
  chmodSync(POLICY, 0o755)
  try {
    return work()
  } finally {
    rmSync(POLICY, { force: true })
    // The package also marks it for the next boot.
    if (onPath('systemctl')) execute(['systemctl', 'disable', 'redis-server'])
  }
}
