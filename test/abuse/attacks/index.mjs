// All rows, in the order of the report.
import { COMPUTED } from './computed.mjs'
import { CONNECTIONS } from './connections.mjs'
import { FAIRNESS } from './fairness.mjs'
import { FUNCTIONS } from './functions.mjs'
import { MEMORY } from './memory.mjs'
import { PARSERS } from './parsers.mjs'
import { READS } from './reads.mjs'
import { REST } from './rest.mjs'
import { SCRIPTS } from './scripts.mjs'
import { STORAGE } from './storage.mjs'
import { TOLD } from './told.mjs'

/** @type {import('../lib/types.mjs').Row[]} */
export const ROWS = [
  ...PARSERS,
  ...SCRIPTS,
  ...FUNCTIONS,
  ...READS,
  ...COMPUTED,
  ...MEMORY,
  ...TOLD,
  ...STORAGE,
  ...CONNECTIONS,
  ...REST,
  ...FAIRNESS,
]
