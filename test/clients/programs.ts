import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

/** `none`: the client has no such thing; `refused`: the server does not offer it, and says so. */
export type Status = 'ok' | 'none' | 'refused' | 'fail'

export interface Result {
  readonly status: Status
  readonly note?: string
}

export interface Report {
  version: string
  results: Record<string, Result>
}

export const onPath = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const ended = (child: ChildProcess): Promise<number | string> =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? ''))
  })

/** Runs a command of a client's setup (an installation, a compiler); rejects with what it printed. */
export async function command(
  argv: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<string> {
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: 600_000,
  })
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const code = await ended(child)
  if (code !== 0)
    throw new Error(
      `${argv.slice(0, 3).join(' ')} ended with ${code}: ${`${output}\n${errors}`.trim().slice(-2000)}`,
    )
  return output
}

/**
 * Runs a program against the server and collects what it tells, a line each: `version <text>`, `ok
 * <feature>`, `none <feature> <why>`, `refused <feature> <error>`, `fail <feature> <error>`, and `restart`,
 * which it follows by waiting for a line.
 */
export async function probe(
  argv: readonly string[],
  env: Record<string, string>,
  restart: () => Promise<void>,
): Promise<Report> {
  const report: Report = { version: '', results: {} }
  // Shorter than the test's own limit, so that a program that hangs is reported with the feature that failed.
  const child = spawn(argv[0]!, argv.slice(1), { env: { ...process.env, ...env }, timeout: 50_000 })
  child.stdin.on('error', () => {})
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors = `${errors}${chunk.toString()}`.slice(-4000)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word, feature = '', ...rest] = line.split(' ')
    const note = rest.join(' ')
    if (word === 'version') report.version = [feature, ...rest].join(' ')
    else if (word === 'restart') void restart().then(() => child.stdin.write('restarted\n'))
    else if (word === 'ok' || word === 'none' || word === 'refused' || word === 'fail') {
      report.results[feature] = note === '' ? { status: word } : { status: word, note }
    }
  })
  const code = await ended(child)
  if (code !== 0)
    report.results.program = { status: 'fail', note: `ended with ${code}: ${errors.trim().slice(-1500)}` }
  return report
}
