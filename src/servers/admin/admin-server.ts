import { Worker } from 'node:worker_threads'

/** One condition of being ready. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  /** Why not. */
  readonly reason?: string
}

/** What the server says of itself, when it is asked and from time to time. */
export type Checks = () => readonly Check[] | Promise<readonly Check[]>

export interface AdminServer {
  readonly port: number
  /** Has been told at least once how the server is. */
  tell(): Promise<void>
  close(): Promise<void>
}

const BEAT_MS = 100
const TELL_MS = 250

type FromThread =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'facts?' }

/**
 * The operator's listener, apart from the users' and in a thread of its own: `/livez` says that the process
 * lives, `/readyz` whether it can serve. This thread shows by its beat that it is not held up. Rejects with
 * the listener's error (EADDRINUSE...); `onFault` is told of an error that ended the thread later.
 */
export async function startAdminServer(
  host: string,
  port: number,
  checks: Checks,
  onFault: (error: Error) => void,
): Promise<AdminServer> {
  const beat = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT)
  const lastBeat = new Float64Array(beat)
  lastBeat[0] = Date.now()
  const thread = new Worker(new URL('./health-thread.mjs', import.meta.url), {
    workerData: { beat, host, port },
    // What is loaded into the process beside the server belongs to the main thread.
    execArgv: [],
  })
  let asking: Promise<void> | undefined
  const ask = async (): Promise<void> => {
    const facts = { checks: await checks(), at: Date.now() }
    thread.postMessage({ type: 'facts', facts })
  }
  // One question at a time: a worker that does not answer must not pile them up.
  const tell = (): Promise<void> => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
  const listening = await new Promise<number>((resolve, reject) => {
    thread.once('error', reject)
    thread.on('message', (message: FromThread) => {
      if (message.type === 'listening') resolve(message.port)
      else if (message.type === 'facts?') void tell()
      else reject(Object.assign(new Error(message.message), { code: message.code }))
    })
  }).catch(async (error: Error) => {
    await thread.terminate()
    throw error
  })
  thread.removeAllListeners('error').on('error', onFault)
  const timers = [
    setInterval(() => {
      lastBeat[0] = Date.now()
    }, BEAT_MS),
    setInterval(() => void tell(), TELL_MS),
  ]
  for (const timer of timers) timer.unref()
  return {
    port: listening,
    // What is being asked may be from before.
    tell: async () => {
      await asking
      await tell()
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer)
      await thread.terminate()
    },
  }
}

/** What one process says; with several workers the first problem of any of them counts. */
export function checksOf(problem: string | undefined, started: boolean, stopping: boolean): readonly Check[] {
  if (stopping) return [{ name: 'running', ok: false, reason: 'the server is stopping' }]
  if (!started) return [{ name: 'running', ok: false, reason: 'the server is starting' }]
  const backing: Check =
    problem === undefined
      ? { name: 'backing Redis', ok: true }
      : { name: 'backing Redis', ok: false, reason: problem }
  return [{ name: 'running', ok: true }, backing]
}
