import { locations } from '../../automation/location.ts'
import type { BackingArg, BackingReply } from '../../backing/backing.ts'
import { type Cell, respBytes } from '../../engine/plaintext/cell.ts'
import type { HashValue } from '../../engine/plaintext/values.ts'
import { idOf } from '../../lib/id.ts'
import { forEachInParts, type Parts } from '../../lib/parts.ts'
import type { Call } from '../../registry/context.ts'

/** The bytes of a field's sealed value, null when there is none. */
export const openValue = ({ automation, args }: Call, field: Buffer, raw: BackingReply): Buffer | null =>
  raw === null ? null : respBytes(automation.sealer.open(locations.hashValue(args[1]!, field), raw as Buffer))

/** Names and values in turn, both opened: a value's place is known only with its field's name. */
export function* openPairsInParts(call: Call, raw: BackingReply): Parts<Buffer[]> {
  const flat = raw as Buffer[]
  const opened: Buffer[] = []
  yield* forEachInParts(flat.length >> 1, (i) => {
    const field = call.automation.sealer.openField(flat[2 * i]!)
    opened.push(field, openValue(call, field, flat[2 * i + 1]!)!)
  })
  return opened
}

/** Arguments 2 and on as field, value, field, value... */
export const sealPairs = ({ automation, args }: Call): BackingArg[] => {
  const { sealer } = automation
  const sealed: BackingArg[] = []
  for (let i = 2; i < args.length; i += 2) {
    sealed.push(
      sealer.sealField(args[i]!),
      sealer.seal(locations.hashValue(args[1]!, args[i]!), args[i + 1]!, false),
    )
  }
  return sealed
}

/** Arguments 2 and on as field names. */
export const sealFields = ({ automation, args }: Call): Buffer[] =>
  args.slice(2).map((field) => automation.sealer.sealField(field))

/** Sets a field; true when it is new. */
export function setField(hash: HashValue, name: Buffer, cell: Cell): boolean {
  const id = idOf(name)
  const isNew = !hash.fields.has(id)
  hash.fields.set(id, { name, cell })
  if (isNew && hash.partial !== undefined) hash.partial++
  return isNew
}

/** False when there is no such field. */
export const deleteField = (hash: HashValue, name: Buffer): boolean => {
  const deleted = hash.fields.delete(idOf(name))
  if (deleted && hash.partial !== undefined) hash.partial--
  return deleted
}
