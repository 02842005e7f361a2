import type { BackingReply } from '../../backing/single-node.ts'
import type { Call } from './call.ts'
import { first } from '../execution/execute.ts'
import type { Operation } from '../../engine/writes/native-write.ts'
import type { Reply } from '../../reply/reply.ts'
import { type Direct, writes } from './row.ts'

/** A direct write of a single operation; undefined computes it instead. */
export const oneWrite = (write: (call: Call) => Operation | undefined, reply: (call: Call, raw: BackingReply) => Reply): Direct =>
  writes(
    (call) => {
      const planned = write(call)
      return planned === undefined ? undefined : [planned]
    },
    (call, raws) => reply(call, first(raws)),
  )

/** The reply of a native command that answers with an integer, or null. */
export const number = (_call: Call, raw: BackingReply): Reply => raw as number | null
