// The process that `primary.ts` forks: both doors, on listeners that it shares with the other workers.
import { type Servers, startServers } from '../app/app.ts'
import { createLog } from '../observability/log.ts'
import { type FromWorker, type ToWorker, unpack } from './messages.ts'

let doors: Servers | undefined
let stopping = false

const tell = (message: FromWorker): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined) throw new Error('workers are started by: automation-kv serve')
    process.send(message, undefined, undefined, () => resolve())
  })

async function start({ number, config: sent, bootstrapped }: ToWorker & { type: 'start' }): Promise<void> {
  const config = unpack(sent)
  try {
    doors = await startServers(
      config,
      bootstrapped,
      createLog(config.logLevel, process.stderr, { worker: number }),
    )
  } catch (error) {
    await tell({ type: 'failed', problem: (error as Error).message })
    process.exit(1)
  }
  await tell({ type: 'listening', ports: doors.ports })
}

function stop(): void {
  if (stopping) return
  stopping = true
  if (doors === undefined) process.exit(0)
  void doors.stop().then(() => process.exit(0))
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') void start(message)
  else {
    const unready = stopping
      ? 'the server is stopping'
      : doors === undefined
        ? 'the server is starting'
        : undefined
    void tell({ type: 'problem', problem: unready ?? doors?.problem() })
  }
})
process.on('SIGTERM', stop)
// A Ctrl-C reaches every process of the terminal; what it means is the primary's to say.
process.on('SIGINT', () => {})
await tell({ type: 'loaded' })
