import type { Automation } from '../automation/automation.ts'
import type { BackingReply } from '../backing/backing.ts'
import type { RemoteAnswer, RemoteCompute, RemoteRequest } from '../engine/optimistic/remote-compute.ts'
import type { Need } from '../engine/plaintext/extent.ts'
import type { Turns } from '../fair-share/turns.ts'
import { type Flat, flatten, flattenInParts, isLongList } from '../protocol/flat.ts'

/** What snapshot.lua answered, laid flat in pieces that can be handed to another thread. */
export type FlatReply = readonly Buffer[]

/** A request whose snapshots are laid flat. */
export interface FlatRequest extends Omit<RemoteRequest, 'reply' | 'read'> {
  readonly reply: FlatReply
  readonly read: (needs: readonly Need[], done: (error: Error | null, reply?: FlatReply) => void) => void
}

type Done = (error: Error | null, answer?: RemoteAnswer) => void

/** Who computes requests, and keeps them in order. */
export interface FlatCompute {
  compute(request: FlatRequest, done: Done): void
}

/**
 * Lays snapshots flat before they go to another thread, also those that a job waits for there. That of a long
 * key would hold up others: it is done in the turns of its automation.
 */
export class FlatRequests implements RemoteCompute {
  private readonly threads: FlatCompute
  private readonly turns: Turns

  constructor(threads: FlatCompute, turns: Turns) {
    this.threads = threads
    this.turns = turns
  }

  compute(request: RemoteRequest, done: Done): void {
    const { automation } = request
    const read: FlatRequest['read'] = (needs, answered) =>
      request.read(needs, (error, reply = []) => {
        if (error === null) this.lay(automation, reply, answered)
        else answered(error)
      })
    this.lay(automation, request.reply, (error, reply = []) => {
      if (error === null) this.threads.compute({ ...request, reply, read }, done)
      else done(error)
    })
  }

  private lay(
    { id }: Automation,
    reply: readonly BackingReply[],
    done: (error: Error | null, flat?: FlatReply) => void,
  ): void {
    const list = reply as readonly Flat[]
    if (isLongList(list)) this.turns.finishInParts(this.turns.lineOf(id), flattenInParts(list), done)
    else done(null, [flatten([list])])
  }
}
