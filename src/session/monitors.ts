import { KvError } from '../errors/errors.ts'
import { SimpleString } from '../reply/reply.ts'
import { monitorLine } from './monitor-line.ts'

/** Of one automation in one process: each costs as much as a reply to every command. */
const MAX_MONITORS = 8

/** A connection in the state of MONITOR. */
export interface Monitor {
  readonly push: (line: SimpleString) => void
}

/** The connections that are shown what others of their automation ask this process for. */
export class Monitors {
  private readonly known = new Map<string, Set<Monitor>>()

  /** Whether anybody looks at all: asked for each command. */
  get any(): boolean {
    return this.known.size > 0
  }

  watches(automationId: string): boolean {
    return this.any && this.known.has(automationId)
  }

  /** Throws `too_many_monitors`. */
  add(automationId: string, monitor: Monitor): void {
    const monitors = this.known.get(automationId) ?? new Set()
    if (monitors.size >= MAX_MONITORS) throw new KvError('too_many_monitors', { allowed: MAX_MONITORS })
    monitors.add(monitor)
    this.known.set(automationId, monitors)
  }

  remove(automationId: string, monitor: Monitor): void {
    const monitors = this.known.get(automationId)
    monitors?.delete(monitor)
    if (monitors?.size === 0) this.known.delete(automationId)
  }

  /** What scripts of the automation called. */
  showCalls(automationId: string, calls: readonly (readonly Buffer[])[]): void {
    for (const args of calls) this.show(automationId, 'lua', args)
  }

  /** `source`: the address of a client, or what else it comes from. */
  show(automationId: string, source: string, args: readonly Buffer[]): void {
    const monitors = this.known.get(automationId)
    if (monitors === undefined) return
    const at = performance.timeOrigin + performance.now()
    const line = new SimpleString(monitorLine(at, source, args))
    for (const monitor of monitors) monitor.push(line)
  }
}

const REDACTED = Buffer.from('(redacted)')

/** The words of AUTH and of HELLO's AUTH are no one's to see, as in Redis. */
export function redacted(name: string, args: readonly Buffer[]): readonly Buffer[] {
  if (name === 'auth') return args.map((arg, i) => (i === 0 ? arg : REDACTED))
  if (name !== 'hello') return args
  const at = args.findIndex((arg) => /^auth$/i.test(arg.toString('latin1')))
  return at < 0 ? args : args.map((arg, i) => (i === at + 1 || i === at + 2 ? REDACTED : arg))
}
