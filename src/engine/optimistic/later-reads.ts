import type { BackingReply } from '../../backing/backing.ts'
import { KvError } from '../../errors/errors.ts'
import type { BatchLibraries } from '../libraries/batch-libraries.ts'
import type { Need } from '../plaintext/extent.ts'
import { HEAD_LENGTH, LoadedSnapshot } from '../plaintext/snapshot.ts'
import type { JobEnvironment } from './job.ts'
import { readKeys } from './reading.ts'
import type { ReadBesides, ReadMore } from './remote-compute.ts'

/**
 * A batch that looks further so often is run again for each time on the thread of the sockets: that keeps no
 * other thread waiting. When it goes on it has to wait there.
 */
export const FEW_LATER_READS = 8
/** What jobs of a batch may read beyond what they named; keys that are not there count too. */
const MAX_KEYS = 65_536
/** The same in bytes: names, and what is stored. A key is read once or twice, so the quota is near. */
const MAX_BYTES = 64 * 1024 * 1024

/**
 * The keys that the jobs of a batch turn out to look at, read one after the other while they wait on another
 * thread. All of it ends `lockTimeoutMs` after the batch began, also what is on its way then.
 */
export class LaterReads {
  private readonly environment: JobEnvironment
  private readonly deadline: number
  private keys = 0
  private bytes = 0

  constructor(environment: JobEnvironment) {
    this.environment = environment
    this.deadline = performance.now() + environment.limits.lockTimeoutMs
  }

  /** Nothing more is read. */
  get isOver(): boolean {
    return performance.now() >= this.deadline
  }

  tooLate(): KvError {
    return new KvError('reads_too_slow', { allowed: this.environment.limits.lockTimeoutMs })
  }

  /** Errors: `reads_too_slow`, `reads_too_many`, `reads_too_large`, or that of the backing Redis. */
  readonly read: ReadMore = (needs, done) => {
    this.keys += needs.length
    for (const { name } of needs) this.bytes += name.length
    if (this.isOver) return done(this.tooLate())
    if (this.keys > MAX_KEYS) return done(new KvError('reads_too_many', { allowed: MAX_KEYS }))
    if (this.bytes > MAX_BYTES) return done(new KvError('reads_too_large', { allowed: MAX_BYTES }))
    let timer: NodeJS.Timeout | undefined
    const once: typeof done = (error, reply) => {
      if (timer === undefined) return
      clearTimeout(timer)
      timer = undefined
      done(error, reply)
    }
    timer = setTimeout(() => once(this.tooLate()), this.deadline - performance.now())
    try {
      readKeys(this.environment, needs, (error, reply, bytes = 0) => {
        this.bytes += bytes
        once(error, reply)
      })
    } catch (error) {
      // A fault of ours: nobody above expects it here.
      once(error as Error)
    }
  }
}

/**
 * Whether keys are as `guards` say, libraries as they were, and the automation's version as `ifVersion`
 * unless that is empty: what was read at several moments then holds for this one.
 */
export function stillHolds(
  environment: JobEnvironment,
  { needs, guards = [] }: ReadBesides,
  ifVersion: string,
  libraries: BatchLibraries,
  done: (error: Error | null, holds?: boolean) => void,
): void {
  const metas = needs.map(({ name }): Need => ({ name, extent: 'meta' }))
  const compare = (error: Error | null, reply: readonly BackingReply[] = []): void => {
    if (error !== null) return done(error)
    const { keys, version } = new LoadedSnapshot(environment.automation, metas, reply)
    const now = [...keys.values()]
    const same = now.every(({ guard }, i) => guards[i]!.toString('latin1') === guard)
    const held = same && (ifVersion === '' || version === ifVersion)
    done(null, held && libraries.hold(reply[metas.length + HEAD_LENGTH]))
  }
  readKeys(environment, metas, compare, libraries.areWanted)
}
