// The order of the folders of src, from top to bottom. A file may import files of its own entry and of
// entries below it, never of entries above. It belongs to the longest entry that its path begins with, so
// `servers/resp` and `servers/rest` are two entries. Entries in one array are side by side: they do not
// import one another.

/** @type {readonly (string | readonly string[])[]} */
export const LAYERS = [
  'main.ts',
  'cli',
  'workers',
  'app',
  ['servers/resp', 'servers/rest', 'servers/admin', 'compute'],
  ['commands', 'documents'],
  'registry',
  'session',
  'gate',
  'engine',
  'fair-share',
  'backing',
  'auth',
  'config',
  'automation',
  'lua-vm',
  'protocol',
  'reply',
  ['json', 'redis-semantics'],
  'observability',
  'errors',
  'lib',
]

export const LIMITS = {
  /** Files directly in one folder of src. */
  filesInFolder: 16,
  /** Files directly in src. */
  filesInTop: 4,
  /** Lines of a .ts file in src. */
  linesInFile: 300,
  /** Columns of a line of code; a text or regular expression that reaches the edge stays in one piece. */
  columns: 110,
}

/**
 * Files of src that may be longer than LIMITS.linesInFile: the path from src, and why. An entry that is no
 * longer needed is reported.
 * @type {Readonly<Record<string, string>>}
 */
export const LONG_FILES = {}
