// Commands of any size, made from the syntax of the command table.

/** @typedef {import('../../../src/registry/syntax-items.ts').Item} Item */
/** @typedef {Pick<import('../../../src/registry/row.ts').DataRow, 'name' | 'syntax'>} Described */
/** @typedef {(below: number) => number} Random a whole number from 0, below `below` */

/**
 * Numbers that are the same for the same seed.
 * @param {number} seed
 * @returns {Random}
 */
export const randomOf = (seed) => {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** @param {string} name */
const isKey = (name) => /^(?:new|dest|dst|src|source|destination)?-?key\d*$/.test(name)
/** @param {string} name */
const isNumber = (name) =>
  /^(?:index|start|stop|end|offset|count|rank|increment|decrement|float|score|weight|number|min|max|len|bit|limit|seconds|milliseconds)/.test(
    name,
  )

/**
 * @typedef {object} Shape
 * @property {number} size members of each repeated group
 * @property {'one' | 'different'} names whether the keys and fields that it repeats are all alike
 * @property {number} [length] bytes of each word that is no key and no number; short ones without it
 * @property {number} [number] each number, 1 without it
 */

/**
 * The words of one command. `readItems` and `isToken` are those of src/registry/syntax-items.ts, which a test
 * takes from the source and a script from the build.
 * @param {{
 *   readItems: (syntax: string) => readonly (readonly Item[])[],
 *   isToken: (word: import('../../../src/registry/syntax-items.ts').Word) => boolean,
 * }} syntax
 */
export const wordsBy =
  ({ readItems, isToken }) =>
  /**
   * @param {Described} row
   * @param {Shape} shape
   * @param {Random} random
   * @returns {string[]}
   */
  (row, { size, names, length = 0, number = 1 }, random) => {
    let made = 0
    /** @param {string} name */
    const word = (name) => {
      if (isKey(name)) return names === 'one' || made === 0 ? 'k' : `k${made}`
      // Where another cursor stands in a hash table is drawn by each Redis anew.
      if (name === 'cursor') return '0'
      if (/lex/.test(row.name) && /^m(?:in|ax)$/.test(name)) return name === 'min' ? '-' : '+'
      if (isNumber(name)) return String(number)
      if (name === 'timeout') return '0.01'
      if (name === 'id') return `${made + 1}-1`
      if (name === 'group') return 'g'
      if (name === 'encoding') return 'u8'
      // Every star may stand for any part of what it is matched with, and nothing ends in a b.
      if (name === 'pattern' && length > 0) return `${'*a'.repeat(length / 2)}b`
      return (names === 'one' ? 'm1' : `m${made}`).padEnd(length, 'a')
    }
    /** @param {readonly Item[]} items @returns {string[]} */
    const sequence = (items) =>
      items.flatMap((item, i) => {
        if (item.kind === 'word') {
          if (isToken(item)) return [item.text]
          if (item.text === 'numkeys') return [String(size + 1)]
          return [word(item.text)]
        }
        const one = () =>
          sequence(/** @type {readonly Item[]} */ (item.alternatives[random(item.alternatives.length)]))
        if (!item.repeated) return item.optional && random(3) > 0 ? [] : one()
        // WEIGHTS has one number for each key, as many as there are.
        const already = items[i - 1]?.kind === 'word' ? 1 : 0
        return Array.from({ length: size + 1 - already }, () => {
          made++
          return one()
        }).flat()
      })
    const lines = readItems(row.syntax)
    return [
      ...row.name.toUpperCase().split('|'),
      ...sequence(/** @type {readonly Item[]} */ (lines[random(lines.length)])),
    ]
  }

/** @typedef {(size: number, length?: number) => string[]} Maker the command that makes the key `k` */

/** @param {number} size @param {number} length @param {(member: string, n: number) => string[]} each */
const members = (size, length, each) =>
  Array.from({ length: size }, (_, n) => each(`m${n}`.padEnd(length, 'a'), n)).flat()

/**
 * By the group of a command, what makes a key for it: of `size` elements, or bytes.
 * @type {Readonly<Record<string, Maker>>}
 */
export const MAKERS = {
  string: (size) => ['SET', 'k', 'v'.repeat(size)],
  list: (size, length = 0) => ['RPUSH', 'k', ...members(size, length, (member) => [member])],
  hash: (size, length = 0) => ['HSET', 'k', ...members(size, length, (member) => [member, 'v'])],
  set: (size, length = 0) => ['SADD', 'k', ...members(size, length, (member) => [member])],
  'sorted-set': (size, length = 0) => [
    'ZADD',
    'k',
    ...members(size, length, (member, n) => [String(n), member]),
  ],
  stream: () => ['XADD', 'k', '1-1', 'f', 'v'],
  bitmap: (size) => ['SET', 'k', 'v'.repeat(size)],
  hyperloglog: () => ['PFADD', 'k', 'a', 'b'],
}
