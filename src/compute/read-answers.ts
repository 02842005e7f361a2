import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { FlatReply } from './flat-requests.ts'
import { memoryOf, packError, type ReadAnswer, type ReadChannel } from './messages.ts'

/** The main thread's side of what a thread asks for while it sleeps: see ThreadReads. */
export class ReadAnswers {
  /** For the thread, which gets its port for good. */
  readonly channel: ReadChannel
  private readonly port: MessagePort

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.port = port1
    this.channel = {
      port: port2,
      signal: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    }
  }

  answer(request: number, error: Error | null, reply: FlatReply = []): void {
    if (error === null) this.send({ request, reply, error: undefined })
    else this.send({ request, reply: undefined, error: packError(error) })
  }

  /** The computation is to end, and to run again when it is its turn. */
  refuse(request: number): void {
    this.send({ request, reply: undefined, error: undefined })
  }

  private send(answer: ReadAnswer): void {
    this.port.postMessage(answer, answer.reply === undefined ? [] : memoryOf(answer.reply))
    const { signal } = this.channel
    Atomics.add(signal, 0, 1)
    Atomics.notify(signal, 0)
  }
}
