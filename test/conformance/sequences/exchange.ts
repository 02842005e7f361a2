import type { RespClient } from '../../helpers/resp-client.ts'

const REPLY_TIMEOUT_MS = 10_000

/**
 * Sends `count` requests as one write; their replies. A reply that never comes is the text `(no reply)`, a
 * lost connection `(closed)`.
 */
export async function exchange(client: RespClient, bytes: Buffer, count: number): Promise<Buffer[]> {
  let end = '(closed)'
  const timer = setTimeout(() => {
    end = '(no reply)'
    client.destroy()
  }, REPLY_TIMEOUT_MS)
  client.write(bytes)
  const replies: Buffer[] = []
  while (replies.length < count) {
    const reply = await client.frameBytes(1).then(
      ([frame]) => frame!,
      () => Buffer.from(end),
    )
    replies.push(reply)
  }
  clearTimeout(timer)
  return replies
}
