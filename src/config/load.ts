import { readFileSync } from 'node:fs'
import { type Config, SETTINGS, SETTINGS_BY_FIELD, type Setting, type Values } from './settings.ts'

export { type Config, SETTINGS } from './settings.ts'

/** Names of the prefix that are not the server's: what a sandbox is given, and what steers our tests. */
const FOREIGN = /^AUTOMATION_KV_(?:TOKEN|REDIS_URL|TEST_.*)$/

const NAMES: readonly string[] = SETTINGS.flatMap(({ name, aliases }) => [name, ...aliases])

export class ConfigError extends Error {
  /** One sentence each; none holds the value of a secret. */
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const heading = problems.length === 1 ? 'a setting is wrong' : `${problems.length} settings are wrong`
    super([`${heading}:`, ...problems.map((line) => `  - ${line}`)].join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Levenshtein distance, for "did you mean". */
const distance = (a: string, b: string): number => {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(change, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

const unknown = (name: string): string => {
  const [best] = NAMES.map((known) => ({ known, cost: distance(name.toUpperCase(), known) })).sort(
    (a, b) => a.cost - b.cost,
  )
  const near = best !== undefined && best.cost <= Math.max(2, (name.length - 'AUTOMATION_KV_'.length) / 3)
  const hint = near ? `; did you mean ${best.known}?` : '; `automation-kv serve --help` lists the settings'
  return `${name}: there is no such setting${hint}`
}

type Source = Readonly<Record<string, string | undefined>>

/** A JSON object whose names are those of the environment; numbers and booleans may be bare. */
const readFile = (file: string, problems: string[]): Source => {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    // A JSON.parse message quotes the text around the fault, which may be a secret.
    problems.push(
      `${file}: ${error instanceof SyntaxError ? 'is not valid JSON' : `cannot be read (${(error as NodeJS.ErrnoException).code})`}`,
    )
    return {}
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push(`${file}: must hold a JSON object, such as config/example.json`)
    return {}
  }
  const source: Record<string, string> = {}
  for (const [name, value] of Object.entries(content)) {
    if (!NAMES.includes(name)) problems.push(`${unknown(name)} (in ${file})`)
    else if (typeof value === 'string' || typeof value === 'number') source[name] = String(value)
    else problems.push(`${name}: must be a string or a number (in ${file})`)
  }
  return source
}

/**
 * The text of a setting. An empty one counts as unset, since `NAME=` and compose's `${NAME:-}` cannot say it
 * otherwise.
 */
const textOf = ({ name, aliases }: Setting, source: Source, problems: string[]): string | undefined => {
  const given = [name, ...aliases].filter((known) => (source[known] ?? '') !== '')
  const [first] = given
  if (given.some((known) => source[known] !== source[first ?? ''])) {
    problems.push(`${given.join(' and ')}: are two names of one setting and must be equal; set one of them`)
  }
  return first === undefined ? undefined : source[first]
}

/** What only shows when settings are seen together. */
const crossCheck = (values: Partial<Values>): string[] => {
  const problems: string[] = []
  const {
    respHost,
    respPort,
    httpHost,
    httpPort,
    adminHost,
    adminPort,
    maxValueSize = 0,
    maxRequestSize = Infinity,
  } = values
  const listeners = [
    ['RESP', respHost, respPort],
    ['HTTP', httpHost, httpPort],
    ['ADMIN', adminHost, adminPort],
  ] as const
  for (const [index, [label, address, number]] of listeners.entries()) {
    const twin = listeners
      .slice(0, index)
      .find(
        ([, other, taken]) => number !== undefined && number !== 0 && other === address && taken === number,
      )
    if (twin !== undefined)
      problems.push(
        `AUTOMATION_KV_${label}_PORT: is already taken by AUTOMATION_KV_${twin[0]}_PORT (${number}); give each its own`,
      )
  }
  if (maxValueSize > maxRequestSize) {
    problems.push(
      `AUTOMATION_KV_MAX_REQUEST_SIZE: must not be smaller than AUTOMATION_KV_MAX_VALUE_SIZE (${maxValueSize})`,
    )
  }
  return problems
}

/**
 * All settings, checked: the environment first, then `file` (JSON), then the defaults.
 * Throws a ConfigError that names every problem at once.
 */
export function loadConfig(env: Source, file?: string): Config {
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('AUTOMATION_KV_') && !NAMES.includes(name) && !FOREIGN.test(name))
    .map(unknown)
  const fromFile = file === undefined ? {} : readFile(file, problems)
  const production = env.NODE_ENV === 'production'
  const values: Record<string, unknown> = {}
  for (const [key, row] of Object.entries<Setting>(SETTINGS_BY_FIELD)) {
    const given = textOf(row, env, problems) ?? textOf(row, fromFile, problems) ?? row.default
    const example = `for example ${row.name}=${row.example}`
    if (given === undefined && row.production && production)
      problems.push(`${row.name}: must be set when NODE_ENV=production; ${example}`)
    const outcome = given === undefined ? undefined : row.read(given)
    if (outcome !== undefined && 'problem' in outcome)
      problems.push(`${row.name}: ${outcome.problem}; ${example}`)
    else values[key] = outcome?.value
  }
  problems.push(...crossCheck(values))
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze({ ...(values as Values), production })
}
