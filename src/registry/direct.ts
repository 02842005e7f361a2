import type { BackingReply } from '../backing/backing.ts'
import type { NativeWrite } from '../engine/writes/native-write.ts'
import type { Parts } from '../lib/parts.ts'
import type { Reply } from '../reply/reply.ts'
import type { Call } from './context.ts'
import { type Direct, type DirectWrite, writes, writesInParts } from './row.ts'

/** For rows whose direct write is a single operation. */
export const first = (raws: readonly BackingReply[]): BackingReply => raws[0] ?? null

/** A direct write of a single operation; undefined computes it instead. */
export const oneWrite = (
  write: (call: Call) => NativeWrite | undefined,
  reply: (call: Call, raw: BackingReply) => Reply,
): Direct => writes(listed(write), (call, raws) => reply(call, first(raws)))

/** The same whose reply may have many values. */
export const oneWriteInParts = (
  write: (call: Call) => NativeWrite | undefined,
  inParts: (call: Call, raw: BackingReply) => Parts<Reply>,
): Direct => writesInParts(listed(write), (call, raws) => inParts(call, first(raws)))

const listed =
  (write: (call: Call) => NativeWrite | undefined): DirectWrite['write'] =>
  (call) => {
    const planned = write(call)
    return planned === undefined ? undefined : [planned]
  }

/** The reply of a native command that answers with an integer, or null. */
export const number = (_call: Call, raw: BackingReply): Reply => raw as number | null
