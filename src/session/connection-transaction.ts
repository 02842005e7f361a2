import type { Reply } from '../reply/reply.ts'

/** The transaction of one connection, as MULTI, EXEC, DISCARD, WATCH and UNWATCH see it. */
export interface ConnectionTransaction {
  /** How many commands were queued since MULTI; undefined outside of it. */
  readonly queued: number | undefined
  /** What is held for them, in bytes. */
  readonly queuedBytes: number
  /** A command was refused at queue time, so EXEC will be. */
  broken: boolean
  begin(): void
  /** Leaves MULTI and forgets what was watched, as EXEC and DISCARD do. */
  end(): void
  /** Remembers the keys as they are now; one that is watched already stays as it was first seen. */
  watch(names: readonly Buffer[]): Promise<void>
  unwatch(): void
  /**
   * Runs what was queued as one write request; the answer is the null array when a watched key was touched.
   */
  execute(): Promise<Reply>
}
