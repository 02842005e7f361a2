import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { forEachInParts, mapInParts, type Parts } from '../../lib/parts.ts'
import { inSetOrder } from '../../redis-semantics/set-order.ts'
import type { Call } from '../../registry/context.ts'
import { asksInParts, type DirectRead } from '../../registry/row.ts'
import { SetReply } from '../../reply/reply.ts'
import { parseCursor, parseScanOptions, type ScanOptions } from './scan-options.ts'

// Equal members of one automation have equal ciphertexts, under whichever key they are: so what only compares
// members is left to Redis.

/** The arguments after the key. */
export const sealMembers = ({ automation, args }: Call): Buffer[] =>
  args.slice(2).map((member) => automation.sealer.sealMember(member))

/** A native command on the key and the sealed members that follow it. */
export const asksOfMembers = (command: string, reply: DirectRead['reply']): DirectRead =>
  asksInParts(function* ({ automation, args }) {
    const asked: BackingArg[] = [command, automation.key(args[1]!)]
    yield* forEachInParts(args.length - 2, (i) => asked.push(automation.sealer.sealMember(args[i + 2]!)))
    return asked
  }, reply)

export function* openMembersInParts({ automation }: Call, raw: BackingReply): Parts<Buffer[]> {
  return yield* mapInParts(raw as Buffer[], (sealed) => automation.sealer.openMember(sealed))
}

export const openMember = ({ automation }: Call, raw: BackingReply): Buffer | null =>
  raw === null ? null : automation.sealer.openMember(raw as Buffer)

export function* openSetInParts(call: Call, raw: BackingReply): Parts<SetReply> {
  return new SetReply(inSetOrder(yield* openMembersInParts(call, raw)))
}

/**
 * What is checked only after the keys were looked at cannot be answered here before that: then the command is
 * computed.
 */
export function orCompute<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

/** Asked for more at a call, it answers fewer, as it may: COUNT is a hint. */
const MOST_SCANNED = 1_000

/**
 * `key cursor [MATCH pattern] [COUNT count]`, asked without the pattern, which is for plaintext, and for at
 * least `least` members.
 */
export const scanOf =
  (command: 'HSCAN' | 'SSCAN' | 'ZSCAN', least: number): DirectRead['read'] =>
  ({ automation, args }) => {
    const cursor = parseCursor(args[2]!)
    const options = orCompute(() => parseScanOptions(args, 3))
    const count = Math.min(Math.max(options?.count ?? 0, least), MOST_SCANNED)
    return options && [command, automation.key(args[1]!), cursor, 'COUNT', count]
  }

/**
 * For a collection that is at hand: undefined when it is missing, which Redis finds before it looks at the
 * options.
 */
export function scanAll(args: readonly Buffer[], look: () => object | undefined): ScanOptions | undefined {
  parseCursor(args[2]!)
  return look() === undefined ? undefined : parseScanOptions(args, 3)
}
