import { spawnSync } from 'node:child_process'
import { existsSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { root, Stop, say } from './project.mjs'

const LOCK = join(root, 'package-lock.json')
/** npm writes it last, so an interrupted installation has none. */
const INSTALLED = join(root, 'node_modules/.package-lock.json')

const checkNode = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Stop(
      `Node.js 20.19 or newer is needed, but this is ${process.versions.node}: install the current LTS from https://nodejs.org`,
    )
  }
}

/** Runs `npm ci` when node_modules is missing or older than package-lock.json. */
export const ensureDependencies = () => {
  checkNode()
  if (existsSync(INSTALLED) && statSync(INSTALLED).mtimeMs >= statSync(LOCK).mtimeMs) return
  say('installing packages with npm ci')
  // Without the development packages there is no compiler, and NODE_ENV=production would leave them out.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const script = process.env.npm_execpath?.endsWith('npm-cli.js') ? [process.env.npm_execpath] : undefined
  const { status, error, stdout, stderr } = spawnSync(
    script === undefined ? 'npm' : process.execPath,
    [...(script ?? []), ...args],
    {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  if (status !== 0) throw new Stop(`npm ci failed:\n${error?.message ?? `${stdout}${stderr}`.trim()}`)
  // A lock file dated in the future must not lead to an installation at every start.
  const now = Math.max(Date.now(), statSync(LOCK).mtimeMs) / 1000
  utimesSync(INSTALLED, now, now)
}
