// Every command on data, by its row of the table: with more arguments, with longer ones, with larger
// numbers, and on larger keys.
import { encode } from '../../abuse/lib/peer.mjs'
import { MAKERS, randomOf, wordsBy } from './words.mjs'

/** @typedef {import('./types.mjs').Case} Case */
/** @typedef {import('./types.mjs').Command} Command */
/** @typedef {import('../../../src/registry/row.ts').DataRow} DataRow */

const built = (/** @type {string} */ file) => import(new URL(`../../../dist/${file}`, import.meta.url).href)

/** Elements of a key, arguments, or both. */
const COUNTS = [64, 256, 1_024, 4_096]
/** Bytes of each word; there are few of them. */
const LENGTHS = [2_048, 8_192, 32_768, 131_072]
const FEW = 3
const NUMBERS = [64, 1_024, 16_384, 262_144]
/** How much the elements of a key are where they do not grow. */
const SOME = 256

/** Words of one of several commands that make a key together; even, so that pairs stay so. */
const WORDS_AT_ONCE = 2_000

/**
 * What makes the key `k` for a group of commands, of `size` elements.
 * @param {string} group
 * @param {number} size
 * @param {number} [length]
 * @returns {Command[]}
 */
const fill = (group, size, length) => {
  if (group === 'stream')
    return [
      ['XGROUP', 'CREATE', 'k', 'g', '0', 'MKSTREAM'],
      ...Array.from({ length: size }, (_, n) => [
        'XADD',
        'k',
        `${n + 1}-1`,
        'f'.padEnd(length ?? 0, 'a'),
        'v',
      ]),
    ]
  const [name, key, ...words] = MAKERS[group]?.(size, length) ?? []
  if (name === undefined || key === undefined) return []
  return Array.from({ length: Math.ceil(words.length / WORDS_AT_ONCE) }, (_, n) => [
    name,
    key,
    ...words.slice(n * WORDS_AT_ONCE, (n + 1) * WORDS_AT_ONCE),
  ])
}

/** @param {number} size @returns {Command[]} */
const manyKeys = (size) => Array.from({ length: size }, (_, n) => ['SET', `key:${n}`, 'v'])

/** @param {number} seed @returns {Promise<Case[]>} */
export const commandCases = async (seed) => {
  const { COMMANDS } = await built('commands/table.js')
  const wordsOf = wordsBy(await built('registry/syntax-items.js'))
  /** @type {DataRow[]} */
  const rows = [...COMMANDS.rows.values()]
    .flatMap((row) => (row.kind === 'container' ? [...row.subcommands.values()] : [row]))
    .filter(({ kind, group }) => (kind === 'data' || kind === 'keyspace') && group !== 'scripting')

  return rows.flatMap((row) => {
    /** @param {import('./words.mjs').Shape} shape */
    const request = (shape) => ({
      door: /** @type {const} */ ('resp'),
      bytes: encode(wordsOf(row, shape, randomOf(seed))),
      replies: 1,
    })
    const { group, name } = row
    const short = { size: FEW, names: /** @type {const} */ ('different') }
    const repeats = row.syntax.includes('...')
    /** @type {Case[]} */
    const cases = [
      {
        name,
        grows: 'lengths',
        sizes: LENGTHS,
        setup: (length) => fill(group, FEW, length),
        request: (length) => request({ ...short, length }),
      },
    ]
    if (repeats)
      for (const names of /** @type {const} */ (['one', 'different']))
        cases.push({
          name,
          grows: `arguments, names ${names === 'one' ? 'alike' : 'different'}`,
          sizes: COUNTS,
          setup: () => fill(group, SOME),
          request: (size) => request({ size, names }),
        })
    if (/** @type {string} */ (row.kind) === 'keyspace')
      return [
        ...cases,
        { name, grows: 'keys', sizes: COUNTS, setup: manyKeys, request: () => request(short) },
      ]
    cases.push({
      name,
      grows: 'elements',
      sizes: COUNTS.map((size) => size * 4),
      setup: (size) => fill(group, size),
      request: () => request({ ...short, names: 'one' }),
    })
    cases.push({
      name,
      grows: 'numbers',
      isNumber: true,
      sizes: NUMBERS,
      setup: () => fill(group, COUNTS[2] ?? SOME),
      request: (number) => request({ ...short, names: 'one', number }),
    })
    if (repeats)
      cases.push({
        name,
        grows: 'arguments and elements',
        sizes: COUNTS,
        setup: (size) => fill(group, size),
        request: (size) => request({ size, names: 'one' }),
      })
    return cases
  })
}
