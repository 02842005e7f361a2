import type { WantedEvents } from './event-classes.ts'

const KEYSPACE = Buffer.from('__keyspace@0__:')

/** One or two messages, in Redis's order. */
export function eventMessages(
  { keyspace, keyevent }: WantedEvents,
  event: string,
  name: Buffer,
): { channel: Buffer; message: Buffer }[] {
  const messages: { channel: Buffer; message: Buffer }[] = []
  if (keyspace) messages.push({ channel: Buffer.concat([KEYSPACE, name]), message: Buffer.from(event) })
  if (keyevent) messages.push({ channel: Buffer.from(`__keyevent@0__:${event}`), message: name })
  return messages
}
