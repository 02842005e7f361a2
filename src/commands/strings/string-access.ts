import { locations } from '../../automation/location.ts'
import type { BackingReply } from '../../backing/backing.ts'
import { respBytes } from '../../engine/plaintext/cell.ts'
import type { Database } from '../../engine/plaintext/database.ts'
import { openStoredString } from '../../engine/plaintext/stored-string.ts'
import type { Call } from '../../registry/context.ts'
import { type DirectRead, reads } from '../../registry/row.ts'
import type { Reply } from '../../reply/reply.ts'

/** The bytes of the string sealed under `name`, null when there is none. */
export const openString = ({ automation }: Call, name: Buffer, raw: BackingReply): Buffer | null =>
  raw === null ? null : respBytes(openStoredString(automation, name, raw as Buffer))

export const sealString = ({ automation }: Call, name: Buffer, bytes: Buffer): Buffer =>
  automation.sealer.seal(locations.string(name), bytes, false)

/** Answered from the whole string, fetched in one round trip. */
export const fromString = (reply: (bytes: Buffer | null, args: readonly Buffer[]) => Reply): DirectRead =>
  reads(
    ({ automation, args }) => ['GET', automation.key(args[1]!)],
    (call, raw) => reply(openString(call, call.args[1]!, raw), call.args),
  )

/** The row's `run` for a command that only looks at one string. */
export const ofString =
  (reply: (bytes: Buffer | null, args: readonly Buffer[]) => Reply) =>
  (db: Database, args: readonly Buffer[]): Reply =>
    reply(db.bytes(args[1]!) ?? null, args)

export const oldValue = (call: Call, raw: BackingReply): Reply => openString(call, call.args[1]!, raw)
