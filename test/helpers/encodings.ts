const numbered = (count: number, prefix = ''): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.from(`${prefix}${i}`))
export const long = (length: number): Buffer => Buffer.alloc(length, 'x')

/** Values, and how OBJECT ENCODING of Redis 7.0 tells that they are kept. */
export const STRINGS: [Buffer, string][] = [
  [Buffer.from('12'), 'int'],
  [Buffer.from('-9223372036854775808'), 'int'],
  [Buffer.from('9223372036854775808'), 'embstr'],
  [Buffer.from('01'), 'embstr'],
  [Buffer.alloc(0), 'embstr'],
  [long(44), 'embstr'],
  [long(45), 'raw'],
]

export const COLLECTIONS: ['hash' | 'set' | 'zset', string, Buffer[], string][] = [
  ['hash', '512 fields', numbered(512), 'listpack'],
  ['hash', '513 fields', numbered(513), 'hashtable'],
  ['hash', 'a name of 64 bytes', [long(64)], 'listpack'],
  ['hash', 'a name of 65 bytes', [long(65)], 'hashtable'],
  ['set', '512 integers', numbered(512), 'intset'],
  ['set', '513 integers', numbered(513), 'hashtable'],
  ['set', 'one word', numbered(1, 'm'), 'hashtable'],
  ['set', 'a leading zero', [Buffer.from('01')], 'hashtable'],
  ['zset', '128 members', numbered(128), 'listpack'],
  ['zset', '129 members', numbered(129), 'skiplist'],
  ['zset', 'a member of 64 bytes', [long(64)], 'listpack'],
  ['zset', 'a member of 65 bytes', [long(65)], 'skiplist'],
]

export const withValues = (names: Buffer[]): Buffer[] => names.flatMap((name) => [name, Buffer.from('v')])
