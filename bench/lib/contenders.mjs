// Who takes part: how each is started, and how it is reached. All of them use the same Redis, over TCP on
// this machine.
import { spawnSync } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/lib/project.mjs'
import { finish, freePort, start } from './processes.mjs'

/** @typedef {Awaited<ReturnType<typeof createStage>>} Stage */
/** @typedef {import('./processes.mjs').Running} Running */
/**
 * @typedef {object} ServerOptions
 * @property {string[]} [nodeArgs]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [dist]
 * @property {(chunk: Buffer) => void} [onOutput]
 */
/** @typedef {Omit<Running, 'output' | 'readyMs'> & { port: number }} Started */

/**
 * @typedef {object} Contender
 * @property {string} id
 * @property {string} title
 * @property {(stage: Stage, options?: ServerOptions) => Promise<Started>} start
 * @property {(stage: Stage) => string} [login] what AUTH takes
 * @property {(stage: Stage) => string} [authorization] the header of a contender over REST
 * @property {boolean} [seals] values are encrypted, and tokens verified
 * @property {string} [binary] the program, when it may have to be installed
 * @property {string} [package] of Debian, with that program
 */

/** @param {string} file */
const bench = (file) => join(root, 'bench', file)
/** @param {unknown} value */
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
/** @param {string} output */
const printedReady = (output) => output.includes('ready')

/**
 * A token as the dispatcher mints it, without the await: thousands are needed at once.
 * @param {string} secret
 * @param {string} automation
 * @param {string} run
 */
const mint = (secret, automation, run) => {
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { automation_id: automation, run_id: run, iat, exp: iat + 24 * 3_600 }
  const unsigned = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(claims)}`
  return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`
}

/** The place of one run: a Redis without persistence, a folder, a secret. */
export const createStage = async () => {
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp/bench-'))
  const secret = randomBytes(32).toString('base64url')
  const password = randomBytes(12).toString('hex')
  const port = await freePort()
  const options = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--requirepass',
    password,
    '--dir',
    folder,
  ]
  const redis = await start(
    'redis-server',
    [...options, '--maxclients', 15_000, '--tcp-backlog', 4_096].map(String),
    { port },
  )
  return {
    folder,
    secret,
    redis: { port, password, pid: redis.pid, url: `redis://:${password}@127.0.0.1:${port}` },
    token: (automation = 'bench', run = 'bench') => mint(secret, automation, run),
    close: async () => {
      await redis.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Far above what is measured. */
export const LIMITS = {
  AUTOMATION_KV_MAX_KEYS: '10000000',
  AUTOMATION_KV_MAX_BYTES: '1000000000000',
  AUTOMATION_KV_MAX_ELEMENTS: '10000000',
  AUTOMATION_KV_MAX_CONNECTIONS_PER_AUTOMATION: '20000',
  AUTOMATION_KV_MAX_UNAUTHENTICATED: '20000',
}

/** Those that the build knows: an older one ends at a setting that it does not. @param {string} dist */
const limitsOf = (dist) => {
  const help = spawnSync(process.execPath, [join(dist, 'main.js'), 'serve', '--help'], { encoding: 'utf8' })
  return Object.fromEntries(
    Object.entries(LIMITS).filter(([name]) => help.stdout.split(/\s+/).includes(name)),
  )
}

/**
 * Starts the product as an operator would, with limits that are not reached. `nodeArgs` go to node itself;
 * `dist` is another build.
 * @param {Stage} stage
 * @param {ServerOptions} options
 */
export const startServer = async (
  stage,
  { nodeArgs = [], env = {}, dist = join(root, 'dist'), onOutput = () => {} } = {},
) => {
  const running = await start(process.execPath, [...nodeArgs, join(dist, 'main.js'), 'serve'], {
    onOutput,
    isReady: (output) => output.includes('listening for the operator'),
    env: {
      NODE_ENV: 'production',
      REDIS_URL: stage.redis.url,
      AUTOMATION_KV_SECRET: stage.secret,
      AUTOMATION_KV_DATA_DIR: stage.folder,
      AUTOMATION_KV_RESP_PORT: '0',
      AUTOMATION_KV_HTTP_PORT: '0',
      AUTOMATION_KV_ADMIN_PORT: '0',
      ...limitsOf(dist),
      AUTOMATION_KV_LOG_LEVEL: 'info',
      ...env,
    },
  })
  const portOf = (/** @type {string} */ door) =>
    Number(new RegExp(`"address":"[^"]*:(\\d+)","msg":"listening for ${door}"`).exec(running.output)?.[1])
  return { ...running, port: portOf('Redis clients'), httpPort: portOf('REST') }
}

/** @param {Stage} stage @param {string} file */
const startNode = async ({ redis, secret }, file) => {
  const port = await freePort()
  const env = {
    NODE_ENV: 'production',
    PORT: String(port),
    REDIS_PORT: String(redis.port),
    REDIS_URL: redis.url,
    SECRET: secret,
  }
  return { ...(await start(process.execPath, [bench(file)], { isReady: printedReady, env })), port }
}

/** @param {Stage} stage */
const startTwemproxy = async ({ folder, redis }) => {
  const port = await freePort()
  const config = join(folder, 'twemproxy.yml')
  const login = `redis_auth: ${redis.password}`
  const lines = [
    `listen: 127.0.0.1:${port}`,
    'redis: true',
    login,
    'preconnect: true',
    'backlog: 4096',
    'servers:',
  ]
  writeFileSync(
    config,
    `bench:\n${lines.map((line) => `  ${line}\n`).join('')}   - 127.0.0.1:${redis.port}:1\n`,
  )
  return { ...(await start('nutcracker', ['-c', config, '-s', String(await freePort())], { port })), port }
}

const WEBDIS_LOGIN = 'bench:bench'
/** @param {Stage} stage */
const startWebdis = async ({ folder, redis }) => {
  const port = await freePort()
  const config = join(folder, 'webdis.json')
  const acl = [{ disabled: ['*'] }, { http_basic_auth: WEBDIS_LOGIN, enabled: ['GET', 'SET', 'INCR'] }]
  const http = {
    http_host: '127.0.0.1',
    http_port: port,
    threads: 2,
    daemonize: false,
    verbosity: 0,
    logfile: '/dev/null',
  }
  const backend = { redis_host: '127.0.0.1', redis_port: redis.port, redis_auth: redis.password, database: 0 }
  writeFileSync(config, JSON.stringify({ ...backend, ...http, acl }))
  return { ...(await start('webdis', [config], { port })), port }
}

/** @param {Stage} stage */
const direct = async ({ redis }) => ({ port: redis.port, pid: redis.pid, stop: async () => {} })

/** @param {Stage} stage */
const byPassword = ({ redis }) => redis.password
/** @param {Stage} stage */
const byToken = (stage) => stage.token()

/** @type {Contender[]} */
const RESP = [
  { id: 'redis', title: 'Redis itself', start: direct, login: byPassword },
  {
    id: 'pipe',
    title: 'bare node:net pipe',
    start: (stage) => startNode(stage, 'bare-pipe.mjs'),
    login: byPassword,
  },
  {
    id: 'twemproxy',
    title: 'twemproxy',
    binary: 'nutcracker',
    package: 'nutcracker',
    start: startTwemproxy,
    login: byPassword,
  },
  {
    id: 'naive',
    title: 'naive proxy (ioredis + jose)',
    start: (stage) => startNode(stage, 'naive-proxy.mjs'),
    login: byToken,
    seals: true,
  },
  { id: 'ours', title: 'automation-kv', start: startServer, login: byToken, seals: true },
]

/** @type {Contender[]} */
const REST = [
  {
    id: 'bare-http',
    title: 'bare node:http + ioredis',
    start: (stage) => startNode(stage, 'bare-http.mjs'),
    authorization: (stage) => `Bearer ${stage.secret}`,
  },
  {
    id: 'bare-rest',
    title: 'bare Fastify + ioredis',
    start: (stage) => startNode(stage, 'bare-rest.mjs'),
    authorization: (stage) => `Bearer ${stage.secret}`,
  },
  {
    id: 'webdis',
    title: 'webdis',
    binary: 'webdis',
    package: 'webdis',
    start: startWebdis,
    authorization: () => `Basic ${Buffer.from(WEBDIS_LOGIN).toString('base64')}`,
  },
  {
    id: 'ours',
    title: 'automation-kv',
    start: async (stage, options) => {
      const running = await startServer(stage, options)
      return { ...running, port: running.httpPort }
    },
    authorization: (stage) => `Bearer ${stage.token()}`,
    seals: true,
  },
]

/** Names of all that may take part, in the order of their columns. */
export const TITLES = new Map(
  [...RESP.filter(({ id }) => id !== 'ours'), ...REST].map(({ id, title }) => [id, title]),
)

/** @param {string} binary */
const exists = async (binary) =>
  (await finish('sh', ['-c', `command -v ${binary}`], { allowFailure: true })).code === 0

/**
 * Finds a program, or installs it where that is possible; says so when it is neither.
 * @param {string} binary
 * @param {string} debianPackage
 * @param {(text: string) => void} say
 */
export const ensureProgram = async (binary, debianPackage, say) => {
  if (await exists(binary)) return true
  if (process.getuid?.() === 0 && (await exists('apt-get'))) {
    say(`installing ${debianPackage} with apt-get`)
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    await finish('apt-get', ['update', '-qq'], { env, allowFailure: true })
    await finish('apt-get', ['install', '-y', '-qq', '--no-install-recommends', debianPackage], {
      env,
      allowFailure: true,
    })
    if (await exists(binary)) return true
  }
  say(`skipped: ${binary} is not installed and could not be (Debian package ${debianPackage})`)
  return false
}

/** Starts a contender and says how to log in to it. @param {Contender} contender @param {Stage} stage */
const enter = async (contender, stage) => {
  const running = await contender.start(stage)
  const reach = contender.authorization
    ? { authorization: contender.authorization(stage) }
    : { password: contender.login?.(stage) }
  return { ...contender, ...running, target: { port: running.port, ...reach } }
}

/**
 * Those of `only` (all when it is undefined) that this machine can run, started.
 * @param {Stage} stage
 * @param {'resp' | 'rest'} door
 * @param {string[] | undefined} only
 * @param {(text: string) => void} say
 * @param {Contender[]} more
 */
export const startContenders = async (stage, door, only, say, more = []) => {
  const started = []
  for (const contender of [...(door === 'resp' ? RESP : REST), ...more]) {
    if (only !== undefined && !only.includes(contender.id) && !more.includes(contender)) continue
    if (
      contender.binary !== undefined &&
      !(await ensureProgram(contender.binary, contender.package ?? contender.binary, say))
    )
      continue
    started.push(await enter(contender, stage))
  }
  return started
}
