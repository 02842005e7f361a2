import { RecentMap } from '../../lib/recent-map.ts'

/** A script that took less in another thread is run on this one the next time. */
const FAST_MS = 0.5
/** Of all automations together. */
const MOST = 20_000

/**
 * Which scripts were quick when they were last run: only these are run on the thread that serves sockets,
 * which spares the way to another one. One that then takes longer than it may is run again elsewhere, and
 * forgotten.
 */
export class ScriptSpeeds {
  private readonly fast = new RecentMap<true>(MOST, () => 1)

  note(automationId: string, sha1: string, ms: number): void {
    const key = `${automationId} ${sha1}`
    if (ms < FAST_MS) this.fast.set(key, true)
    else this.fast.delete(key)
  }

  isFast(automationId: string, sha1: string): boolean {
    return this.fast.get(`${automationId} ${sha1}`) === true
  }
}
