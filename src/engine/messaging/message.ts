import type { Automation } from '../../automation/automation.ts'
import { locations } from '../../automation/location.ts'

/** What is published: a channel of the first or the second kind, and what it says. */
export interface Message {
  readonly kind: 'channel' | 'shard'
  readonly channel: Buffer
  readonly message: Buffer
}

const CHANNEL = 0
const SHARD = 1
/** Several messages in one. */
const SEVERAL = 2

/** Bytes of a message beside its two parts, when it is one of several. */
const HEAD_BYTES = 9
/** A listening process opens so much at once, and no more than one message beyond it. */
const FRAME_BYTES = 64 * 1024

/** ChannelKind (1 byte), length of the channel's name (4 bytes), the name, the message. */
function encodeOne({ kind, channel, message }: Message): Buffer {
  const head = Buffer.alloc(5)
  head[0] = kind === 'shard' ? SHARD : CHANNEL
  head.writeUInt32BE(channel.length, 1)
  return Buffer.concat([head, channel, message])
}

/** SEVERAL (1 byte), then each: ChannelKind (1 byte), the lengths of both (4 bytes each), name, message. */
function encodeSeveral(messages: readonly Message[]): Buffer {
  const parts: Buffer[] = [Buffer.of(SEVERAL)]
  for (const { kind, channel, message } of messages) {
    const head = Buffer.alloc(HEAD_BYTES)
    head[0] = kind === 'shard' ? SHARD : CHANNEL
    head.writeUInt32BE(channel.length, 1)
    head.writeUInt32BE(message.length, 5)
    parts.push(head, channel, message)
  }
  return Buffer.concat(parts)
}

/** What is sent of messages: sealed pieces, in order. */
export const sealMessages = ({ sealer }: Automation, messages: readonly Message[]): Buffer[] =>
  encodeMessages(messages).map((frame) => sealer.seal(locations.message(''), frame, false))

/** Of one piece. Throws when it cannot be opened. */
export const openMessages = ({ sealer }: Automation, sealed: Buffer): Message[] =>
  decodeMessages(sealer.open(locations.message(''), sealed).bytes)

/** As few pieces as are opened quickly, in order; each is to be sealed on its own. */
export function encodeMessages(messages: readonly Message[]): Buffer[] {
  const frames: Buffer[] = []
  let from = 0
  let bytes = 0
  for (const [i, message] of messages.entries()) {
    bytes += sizeOfMessage(message)
    if (bytes < FRAME_BYTES && i < messages.length - 1) continue
    const frame = messages.slice(from, i + 1)
    frames.push(frame.length === 1 ? encodeOne(message) : encodeSeveral(frame))
    from = i + 1
    bytes = 0
  }
  return frames
}

export const sizeOfMessage = ({ channel, message }: Message): number =>
  HEAD_BYTES + channel.length + message.length

/** The parts of messages are slices of `bytes`. */
export function decodeMessages(bytes: Buffer): Message[] {
  if (bytes[0] !== SEVERAL) {
    const end = 5 + bytes.readUInt32BE(1)
    return [{ kind: kindOf(bytes[0]!), channel: bytes.subarray(5, end), message: bytes.subarray(end) }]
  }
  const messages: Message[] = []
  for (let at = 1; at < bytes.length; ) {
    const from = at + HEAD_BYTES
    const middle = from + bytes.readUInt32BE(at + 1)
    const to = middle + bytes.readUInt32BE(at + 5)
    const [channel, message] = [bytes.subarray(from, middle), bytes.subarray(middle, to)]
    messages.push({ kind: kindOf(bytes[at]!), channel, message })
    at = to
  }
  return messages
}

const kindOf = (byte: number): Message['kind'] => (byte === SHARD ? 'shard' : 'channel')
