/** ChannelKind (1 byte), length of the channel's name (4 bytes), the name, the message. */
export function encodeMessage(kind: 'channel' | 'shard', channel: Buffer, message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head[0] = kind === 'shard' ? 1 : 0
  head.writeUInt32BE(channel.length, 1)
  return Buffer.concat([head, channel, message])
}

export function decodeMessage(bytes: Buffer): {
  kind: 'channel' | 'shard'
  channel: Buffer
  message: Buffer
} {
  const end = 5 + bytes.readUInt32BE(1)
  return {
    kind: bytes[0] === 1 ? 'shard' : 'channel',
    channel: bytes.subarray(5, end),
    message: bytes.subarray(end),
  }
}
