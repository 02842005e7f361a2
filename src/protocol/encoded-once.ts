import { Buffer } from 'node:buffer'
import { EncodedReply, type Reply } from '../reply/reply.ts'
import { encodeReply, OutputBuffer, type Protocol } from './encode.ts'

/** A reply that never changes: made and encoded once for each protocol, with its first use. */
export class EncodedOnce {
  private readonly make: () => Reply
  private readonly encoded = new Map<Protocol, EncodedReply>()

  constructor(make: () => Reply) {
    this.make = make
  }

  in(protocol: Protocol): EncodedReply {
    const known = this.encoded.get(protocol)
    if (known !== undefined) return known
    const out = new OutputBuffer()
    encodeReply(this.make(), protocol, out)
    const encoded = new EncodedReply([Buffer.concat(out.take())])
    this.encoded.set(protocol, encoded)
    return encoded
  }
}
