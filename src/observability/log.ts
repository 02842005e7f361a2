import { pino } from 'pino'

/**
 * The only fields that a log line may carry. Anything else is dropped, so a value, a member or a token cannot
 * slip in.
 */
export interface LogFields {
  automation?: string | undefined
  run?: string | undefined
  command?: string
  outcome?: string
  durationMs?: number
  connection?: number
  kid?: string
  reason?: string
  status?: number
  method?: string
  route?: string
  address?: string
  timeoutMs?: number
  count?: number
  pid?: number
  signal?: string
  path?: string
  /** Which of several processes; on each line of a worker. */
  worker?: number
}

export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  enabled(level: 'debug' | 'info' | 'warn' | 'error'): boolean
}

const ALLOWED: ReadonlySet<string> = new Set<keyof LogFields>([
  'automation',
  'run',
  'command',
  'outcome',
  'durationMs',
  'connection',
  'kid',
  'reason',
  'status',
  'method',
  'route',
  'address',
  'timeoutMs',
  'count',
  'pid',
  'signal',
  'path',
  'worker',
])

const allowed = (fields: LogFields): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => ALLOWED.has(name) && value !== undefined),
  )

/** JSON lines on standard error (standard output is for the banner). */
export function createLog(
  level: string,
  destination: NodeJS.WritableStream = process.stderr,
  base: Pick<LogFields, 'worker'> | null = null,
): Log {
  const logger = pino(
    {
      level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return {
    debug: (fields, message) => logger.debug(allowed(fields), message),
    info: (fields, message) => logger.info(allowed(fields), message),
    warn: (fields, message) => logger.warn(allowed(fields), message),
    error: (fields, message) => logger.error(allowed(fields), message),
    enabled: (name) => logger.isLevelEnabled(name),
  }
}
