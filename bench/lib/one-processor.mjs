// Latency on one processor: to wake up another virtual one may take longer than the work that it wakes up
// for, and whether that is needed depends on where the processes happen to be.
import { availableParallelism } from 'node:os'
import { finish } from './processes.mjs'

/**
 * taskset(1) of util-linux, for all threads of the processes; `false` when it is missing or the machine does
 * not let it.
 */
const pin = async (pids, processors) => {
  const runs = await Promise.all(
    pids.map((pid) =>
      finish('taskset', ['-a', '-c', '-p', processors, String(pid)], { allowFailure: true }).catch(
        () => undefined,
      ),
    ),
  )
  return runs.every((run) => run?.code === 0)
}

/** Runs `measure` while this process and `pids` share one processor. */
export const onOneProcessor = async (pids, say, measure) => {
  const all = [process.pid, ...pids]
  if (!(await pin(all, '0'))) say('latency: the processes could not be put on one processor (taskset)')
  try {
    return await measure()
  } finally {
    await pin(all, `0-${availableParallelism() - 1}`)
  }
}
