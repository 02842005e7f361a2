import { createContext, Script } from 'node:vm'

const context = createContext({ work: () => {} })
const script = new Script('work()')

/** When the one that runs will end its work, by `performance.now()`. */
let endsAt = Infinity

/** Milliseconds until the watchdog that runs ends its work, even if that waits; Infinity when none runs. */
export const watchdogLeft = (): number => endsAt - performance.now()

export class WatchdogTimeout extends Error {}

/**
 * Runs `work`, and ends it after `timeoutMs` wherever it is, also in a loop of native WebAssembly code that
 * calls nobody. It costs a thread each time (0.1 ms), and what is ended runs no `finally`. Throws
 * WatchdogTimeout.
 */
export function watched<T>(timeoutMs: number, work: () => T): T {
  let result: T | undefined
  context.work = () => {
    result = work()
  }
  const timeout = Math.max(1, Math.ceil(timeoutMs))
  endsAt = performance.now() + timeout
  try {
    script.runInContext(context, { timeout, displayErrors: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      throw new WatchdogTimeout()
    throw error
  } finally {
    endsAt = Infinity
    context.work = undefined
  }
  return result as T
}
