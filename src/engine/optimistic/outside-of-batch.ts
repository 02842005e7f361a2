import type { BackingReply } from '../../backing/backing.ts'
import { BatchLibraries } from '../libraries/batch-libraries.ts'
import type { LibrarySet } from '../libraries/library.ts'
import { type LiveListeners, type PackedListeners, unpackListeners } from '../messaging/listeners.ts'
import type { OutsideNeed } from '../plaintext/not-loaded.ts'
import type { InfoSections, Outside } from '../plaintext/snapshot.ts'
import type { JobEnvironment, QueuedJob } from './job.ts'

/** The names of so many listeners cost less than a second run of the jobs. */
const FEW_NAME_BYTES = 16 * 1024

/** What the jobs of a batch know of the world beside the automation's keys. */
export class OutsideOfBatch implements Outside {
  private readonly environment: JobEnvironment
  /** Once a job has asked for them. */
  private askedListeners: LiveListeners | undefined
  private sections: InfoSections | undefined
  readonly ofLibraries: BatchLibraries

  constructor(environment: JobEnvironment, jobs: readonly QueuedJob[]) {
    this.environment = environment
    const needs = jobs.map(({ job }) => job.libraries)
    this.ofLibraries = new BatchLibraries(environment.automation, environment.libraries, needs)
  }

  readonly listeners = (): LiveListeners | undefined =>
    this.askedListeners ?? this.environment.listeners.remembered(this.environment.automation)

  readonly info = (): InfoSections | undefined => this.sections

  readonly libraries = (): LibrarySet | undefined => this.ofLibraries.current

  /** Rejects with `unavailable`. */
  async load(what: OutsideNeed, jobs: readonly QueuedJob[]): Promise<void> {
    const { automation, listeners } = this.environment
    if (what === 'listeners') {
      // They are known here when it is another thread that has to ask.
      this.askedListeners = this.listeners() ?? (await listeners.load(automation))
      return
    }
    if (what === 'libraries') return this.ofLibraries.load()
    const info = jobs.find(({ job }) => job.info !== undefined)?.job.info
    if (info === undefined) throw new Error('a job that tells nothing of INFO asks for it')
    this.sections = await info()
  }

  /** commit.lua answered that others listen now, or that libraries are others. */
  changed([status, ...facts]: readonly BackingReply[]): void {
    if (status === 5) this.ofLibraries.changed(facts[0] as BackingReply[])
    if (status !== 4) return
    const [stamp, records] = facts
    const { automation, listeners } = this.environment
    this.askedListeners = listeners.learn(automation, String(stamp), records as Buffer[])
  }

  /** For another thread, which is told of few listeners in any case, of many when it asked. */
  pack(): Buffer {
    const listeners = this.listeners()
    const isWanted = this.askedListeners !== undefined || (listeners?.nameBytes ?? 0) <= FEW_NAME_BYTES
    const packed = isWanted ? listeners?.pack() : undefined
    return Buffer.from(JSON.stringify({ listeners: packed, info: this.sections }))
  }
}

/** On the other thread. */
export function unpackOutside(packed: Buffer, libraries: LibrarySet | undefined): Outside {
  const { listeners, info } = JSON.parse(packed.toString()) as {
    listeners?: PackedListeners
    info?: InfoSections
  }
  const unpacked = listeners && unpackListeners(listeners)
  return { listeners: () => unpacked, info: () => info, libraries: () => libraries }
}
