import { Command } from 'commander'
import type { App } from '../app/app.ts'
import { type Config, loadConfig, SETTINGS } from '../config/load.ts'
import { compileCache } from '../lib/compile-cache.ts'
import { createLog, type Log } from '../observability/log.ts'
import { banner } from './banner.ts'

const SAMPLE_AUTOMATION = 'demo'
const SAMPLE_TTL_SECONDS = 24 * 3600

const settingsHelp = (): string =>
  SETTINGS.map(({ name, help, default: preset, example, unit }) => {
    const value =
      preset === undefined
        ? `no default; for example ${example}`
        : `default ${preset}${unit === undefined ? '' : ` ${unit}`}`
    return `  ${name}\n      ${help} (${value})`
  }).join('\n')

export function serveCommand(): Command {
  return new Command('serve')
    .description(
      'start the server: RESP for Redis clients, REST for everything else, and a listener for the operator',
    )
    .option('--config <file>', 'JSON file with settings; the environment wins over it')
    .addHelpText('after', () => `\nSettings, from the environment or the file:\n${settingsHelp()}`)
    .action(async ({ config: file }: { config?: string }) => serve(loadConfig(process.env, file)))
}

/** One process, or one that keeps several. Only what is used is loaded. */
async function start(config: Config, log: Log, fatal: (reason: string) => void): Promise<App> {
  const begin =
    config.workers === 1
      ? (await import('../app/app.ts')).startApp
      : (await import('../workers/primary.ts')).startPrimary
  return begin(config, log, fatal)
}

/** Runs until a signal: the first one drains and stops, the second one leaves at once. */
async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel)
  let stopping = false
  const stop = async (reason: { signal?: string; reason?: string }): Promise<void> => {
    if (stopping) process.exit(1)
    stopping = true
    log.info(reason, 'stopping')
    const app = await started.catch(() => undefined)
    // It could not start, and says so by itself.
    if (app === undefined) return
    await app.stop()
    log.info({}, 'stopped')
    process.exit(reason.reason === undefined ? 0 : 1)
  }
  if (compileCache.problem !== undefined)
    log.info({ reason: compileCache.problem }, 'no cache for compiled code: the next start takes as long')
  const started = start(config, log, (reason) => {
    log.error({ reason }, 'cannot go on')
    void stop({ reason })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop({ signal }))
  const app = await started
  log.info({ address: `${config.respHost}:${app.ports.resp}` }, 'listening for Redis clients')
  log.info({ address: `${config.httpHost}:${app.ports.http}` }, 'listening for REST')
  log.info({ address: `${config.adminHost}:${app.ports.admin}` }, 'listening for the operator')
  // A token in a production log would be a credential on disk.
  if (config.production) return
  const { mintToken } = await import('../auth/mint.ts')
  const token = await mintToken({
    secret: app.secret,
    automationId: SAMPLE_AUTOMATION,
    runId: 'dev',
    ttlSeconds: SAMPLE_TTL_SECONDS,
    issuer: config.tokenIssuer,
    audience: config.tokenAudience,
  })
  process.stdout.write(banner(config, app, SAMPLE_AUTOMATION, token))
}
