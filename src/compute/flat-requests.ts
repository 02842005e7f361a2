import type { RemoteAnswer, RemoteCompute, RemoteRequest } from '../engine/optimistic/remote-compute.ts'
import type { Turns } from '../fair-share/turns.ts'
import { type Flat, flatten, flattenInParts, isLongList } from '../protocol/flat.ts'

/** A request whose snapshot can be handed to another thread. */
export interface FlatRequest extends Omit<RemoteRequest, 'reply'> {
  /** What snapshot.lua answered, in pieces. */
  readonly reply: readonly Buffer[]
}

type Done = (error: Error | null, answer?: RemoteAnswer) => void

/** Who computes requests, and keeps them in order. */
export interface FlatCompute {
  compute(request: FlatRequest, done: Done): void
}

/**
 * Lays snapshots flat before they go to another thread. That of a long key would hold up others: it is done
 * in the turns of its automation.
 */
export class FlatRequests implements RemoteCompute {
  private readonly threads: FlatCompute
  private readonly turns: Turns

  constructor(threads: FlatCompute, turns: Turns) {
    this.threads = threads
    this.turns = turns
  }

  compute(request: RemoteRequest, done: Done): void {
    const reply = request.reply as readonly Flat[]
    if (!isLongList(reply)) {
      this.threads.compute({ ...request, reply: [flatten([reply])] }, done)
      return
    }
    const parts = flattenInParts(reply)
    this.turns.inParts(this.turns.lineOf(request.automation.id), () => {
      try {
        const part = parts.next()
        if (part.done !== true) return true
        this.threads.compute({ ...request, reply: part.value }, done)
      } catch (error) {
        done(error as Error)
      }
      return false
    })
  }
}
