import type { Database } from '../../engine/plaintext/database.ts'
import type { StreamGroup, StreamValue } from '../../engine/plaintext/stream-value.ts'
import { KvError } from '../../errors/errors.ts'
import { idOf } from '../../lib/id.ts'

export const groupIn = (stream: StreamValue | undefined, group: Buffer): StreamGroup | undefined =>
  stream?.groups.get(idOf(group))

/** The stream and the group to be changed, on behalf of a consumer, which is made when it is not known. */
export function editGroup(
  db: Database,
  name: Buffer,
  groupName: Buffer,
  consumer?: Buffer,
): { stream: StreamValue; group: StreamGroup } {
  const stream = db.editStream(name)
  const group = groupIn(stream, groupName)!
  if (consumer !== undefined && !group.consumers.has(idOf(consumer)))
    db.events?.further('t', 'xgroup-createconsumer', name)
  return { stream, group }
}

export const noGroup = (name: Buffer, group: Buffer): KvError => new KvError('no_group', { group, key: name })

/** For commands that do not tell a missing key from a missing group. */
const noKeyOrGroup = (name: Buffer, group: Buffer): KvError =>
  new KvError('no_key_or_group', { key: name, group })

/** Throws `no_key_or_group` when the group, or its stream, is not there. */
export function streamAndGroup(
  db: Database,
  name: Buffer,
  groupName: Buffer,
): { stream: StreamValue; group: StreamGroup } {
  const stream = db.stream(name)
  const group = groupIn(stream, groupName)
  if (group === undefined) throw noKeyOrGroup(name, groupName)
  return { stream: stream!, group }
}
