import { receiveMessageOnPort } from 'node:worker_threads'
import type { BackingReply } from '../backing/backing.ts'
import type { Need } from '../engine/plaintext/extent.ts'
import { NotLoaded, ReadFailed } from '../engine/plaintext/not-loaded.ts'
import { watchdogLeft } from '../lua-vm/machine/watchdog.ts'
import { flatten, unflatten } from '../protocol/flat.ts'
import { packNeeds, type ReadAnswer, type ReadChannel, type ReadMessage, unpackError } from './messages.ts'

/** What a watchdog leaves for the end of a wait, in milliseconds. */
const MARGIN_MS = 20

/**
 * The thread's side of keys that a computation looks at beyond those that came with it: it asks for them, and
 * sleeps until they are there. The other side answers each request, at the latest when the time of the batch
 * is over.
 */
export class ThreadReads {
  /** How long all computations of this thread have waited so far. */
  waitedMs = 0
  private readonly channel: ReadChannel
  private readonly send: (message: ReadMessage) => void
  private requests = 0
  /** When the computation began, on a clock that stands still while it waits. */
  private begunAt = 0

  constructor(channel: ReadChannel, send: (message: ReadMessage) => void) {
    this.channel = channel
    this.send = send
  }

  /** A computation begins. */
  begin(): void {
    this.begunAt = performance.now() - this.waitedMs
  }

  /**
   * For the computation of the message `id`. Throws ReadFailed; NotLoaded when it should not wait any longer,
   * but run again with these keys.
   */
  read(id: number, needs: readonly Need[]): readonly BackingReply[] {
    // A watchdog would end a computation that waits as one that works.
    const most = watchdogLeft() - MARGIN_MS
    if (most <= 0) throw new NotLoaded(needs)
    const request = ++this.requests
    const startedAt = performance.now()
    const computedMs = startedAt - this.waitedMs - this.begunAt
    this.send({ type: 'read', id, request, computedMs, flat: flatten([packNeeds(needs)]) })
    try {
      const { reply, error } = this.wait(request, startedAt + most) ?? {}
      if (error !== undefined) throw new ReadFailed(unpackError(error))
      if (reply === undefined) throw new NotLoaded(needs)
      return unflatten(...reply)[0] as BackingReply[]
    } finally {
      this.waitedMs += performance.now() - startedAt
    }
  }

  /** Undefined when nothing came until `late`, a moment of `performance.now()`. */
  private wait(request: number, late: number): ReadAnswer | undefined {
    const { signal, port } = this.channel
    for (;;) {
      const seen = Atomics.load(signal, 0)
      // Answers to what was no longer waited for come first.
      for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
        const answer = got.message as ReadAnswer
        if (answer.request === request) return answer
      }
      const left = late - performance.now()
      if (left <= 0) return undefined
      Atomics.wait(signal, 0, seen, left)
    }
  }
}
