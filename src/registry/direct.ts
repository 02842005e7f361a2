import type { BackingReply } from '../backing/backing.ts'
import type { NativeWrite } from '../engine/writes/native-write.ts'
import type { Reply } from '../reply/reply.ts'
import type { Call } from './context.ts'
import { type Direct, writes } from './row.ts'

/** For rows whose direct write is a single operation. */
export const first = (raws: readonly BackingReply[]): BackingReply => raws[0] ?? null

/** A direct write of a single operation; undefined computes it instead. */
export const oneWrite = (
  write: (call: Call) => NativeWrite | undefined,
  reply: (call: Call, raw: BackingReply) => Reply,
): Direct =>
  writes(
    (call) => {
      const planned = write(call)
      return planned === undefined ? undefined : [planned]
    },
    (call, raws) => reply(call, first(raws)),
  )

/** The reply of a native command that answers with an integer, or null. */
export const number = (_call: Call, raw: BackingReply): Reply => raw as number | null
