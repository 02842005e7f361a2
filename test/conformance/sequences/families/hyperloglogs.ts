import { templates } from '../words.ts'

// The elements are hashed under a key of their own: the sketches differ, and only the counts of a few
// elements must be the same. So they have keys to themselves.
export const HYPERLOGLOGS = templates(`
  6 PFADD sketch [letter ...]
  4 PFCOUNT sketch [sketch ...]
  3 PFMERGE sketch [sketch ...]
  1 PFCOUNT key
  1 PFCOUNT sketch key
  1 PFMERGE sketch key
  1 DEL sketch
  1 EXPIRE sketch 1000
  1 TYPE sketch
`)
