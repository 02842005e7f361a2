import type { ChangedBy, Leaves } from './native-write.ts'

/** The letters of run.lua and many.lua: a small one cannot make the key. */
const CREATING: Readonly<Record<Leaves['key'], string>> = {
  'without-ttl': 'S',
  'with-its-ttl': 'K',
  'to-be-looked-at': 'C',
  gone: 'D',
}
const NOT_CREATING: Readonly<Record<Leaves['key'], string>> = {
  'without-ttl': 's',
  'with-its-ttl': 'k',
  'to-be-looked-at': 'c',
  gone: 'D',
}

const CHANGED_BY: Readonly<Record<ChangedBy, string>> = {
  'any-reply': 'a',
  'any-reply-on-a-key': 'e',
  positive: 'p',
  'not-null': 'n',
  'filled-list': 'l',
  'entries-of-the-key': 'g',
  'claimed-entries': 'c',
  'no-reply': 'r',
}

/** How a command leaves its key, as the scripts read it. */
export const leavesLetter = ({ key, mayCreate }: Leaves): string =>
  mayCreate ? CREATING[key] : NOT_CREATING[key]

/** By which reply it has changed something, as the scripts read it. */
export const changedByLetter = (changedBy: ChangedBy): string => CHANGED_BY[changedBy]
