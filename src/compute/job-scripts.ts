import type { Scripts } from '../commands/scripting/scripts.ts'
import { COMMANDS } from '../commands/table.ts'
import type { RemoteJob } from '../engine/optimistic/remote-compute.ts'
import type { LuaScript } from '../lua-vm/script.ts'
import type { GivenScript } from '../session/services.ts'
import type { SentOutcome } from './messages.ts'

/** The scripts that jobs name and this process knows. */
export function scriptsOf(scripts: Scripts, automationId: string, jobs: readonly RemoteJob[]): LuaScript[] {
  const found = new Map<string, LuaScript>()
  for (const job of jobs) {
    for (const { given, arg } of givenIn(job)) {
      const script = given === 'function' ? undefined : scripts.find(automationId, given, arg)
      if (script !== undefined) found.set(script.sha1, script)
    }
  }
  return [...found.values()]
}

/** What was seen of the scripts of a job; all of a transaction count as long as the whole. */
export function noteRun(
  scripts: Scripts,
  automationId: string,
  job: RemoteJob,
  { ms, waits, used }: Pick<SentOutcome, 'ms' | 'waits' | 'used'>,
): void {
  for (const each of used) scripts.uses.learn(automationId, each)
  for (const { given, arg } of givenIn(job)) scripts.took(automationId, given, arg, ms, waits)
}

function givenIn(job: RemoteJob): Array<{ readonly given: GivenScript; readonly arg: Buffer }> {
  if (job.type === 'document') return []
  return job.commands.flatMap((args) => {
    const row = args && COMMANDS.lookUp(args)
    if (row?.kind !== 'data' || row.script === undefined) return []
    const { given, at } = row.script
    return { given, arg: args![at]! }
  })
}
