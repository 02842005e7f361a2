import { Command } from 'commander'
import { ensureSecret } from '../backing/embedded/data-directory.ts'
import { type Config, loadConfig } from '../config/load.ts'

const secretOf = (config: Config): string => config.secret ?? ensureSecret(config.dataDir)

const CONFIG_OPTION = ['--config <file>', 'JSON file with settings; the environment wins over it'] as const

const SECRET_HELP = `
The secret is AUTOMATION_KV_SECRET; without it, the one that \`serve\` keeps in AUTOMATION_KV_DATA_DIR.`

interface MintFlags {
  readonly automation: string
  readonly run?: string
  readonly ttl: string
  readonly scope?: string
  readonly config?: string
}

export function tokenCommand(): Command {
  const token = new Command('token').description('make and look at the tokens that programs log in with')
  token
    .command('mint')
    .description('print a token for one run of an automation')
    .requiredOption('--automation <id>', 'the automation: 1 to 64 characters of A-Z a-z 0-9 _ -')
    .option('--run <id>', 'the run')
    .option('--ttl <duration>', 'how long it is valid: 2h, 30m, 1d, 1h30m', '24h')
    .option('--scope <scope>', 'kv:read makes a token that cannot write')
    .option(...CONFIG_OPTION)
    .addHelpText('after', SECRET_HELP)
    .action(async (flags: MintFlags) => {
      const { mintToken, parseDuration } = await import('../auth/mint.ts')
      const config = loadConfig(process.env, flags.config)
      const minted = await mintToken({
        secret: secretOf(config),
        automationId: flags.automation,
        runId: flags.run,
        ttlSeconds: parseDuration(flags.ttl),
        scope: flags.scope,
        issuer: config.tokenIssuer,
        audience: config.tokenAudience,
      })
      process.stdout.write(`${minted}\n`)
    })
  token
    .command('inspect')
    .description('show what a token says and whether this server would take it')
    .argument('[token]', 'the token; better given on standard input, where no process list shows it')
    .option(...CONFIG_OPTION)
    .addHelpText('after', SECRET_HELP)
    .action(async (given: string | undefined, flags: { config?: string }) => {
      const { inspectToken } = await import('../auth/mint.ts')
      const { TokenVerifier } = await import('../auth/tokens.ts')
      const config = loadConfig(process.env, flags.config)
      const verifier = new TokenVerifier({
        secret: secretOf(config),
        issuer: config.tokenIssuer,
        audience: config.tokenAudience,
        jwks: config.jwks,
      })
      const report = await inspectToken((given ?? (await standardInput())).trim(), verifier)
      process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
      if (report.status !== 'valid') process.exitCode = 1
    })
  return token
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY) throw new Error('give the token as an argument or on standard input')
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
