/** One element of a command's syntax line, before it is given a meaning. */
export type Item = Word | SyntaxGroup

export interface Word {
  readonly kind: 'word'
  readonly text: string
}

/** `[...]` (optional) or `<...>`; `repeated` when it ends in three dots. `alternatives` are parted by `|`. */
export interface SyntaxGroup {
  readonly kind: 'group'
  readonly optional: boolean
  readonly repeated: boolean
  readonly alternatives: readonly (readonly Item[])[]
}

/** Literal words have no lower-case letter: `EX`, `NO-EVICT`, `=`, `*`. */
export const isToken = (word: Word): boolean => !/[a-z]/.test(word.text)

const CLOSES = { '[': ']', '<': '>' } as const

/**
 * The alternatives of a whole line (one, unless it has a `|` outside of all brackets). Throws when it is not
 * well formed.
 */
export function readItems(syntax: string): readonly (readonly Item[])[] {
  const pieces = syntax.match(/\.\.\.|[[\]<>|]|(?:(?!\.\.\.)[^\s[\]<>|])+/g) ?? []
  let at = 0

  const fail = (): never => {
    throw new Error(`malformed command syntax at word ${at} of: ${syntax}`)
  }

  const readUntil = (close: string | undefined): Omit<SyntaxGroup, 'kind' | 'optional'> => {
    const alternatives: Item[][] = [[]]
    let repeated = false
    for (; at < pieces.length && pieces[at] !== close; at++) {
      const piece = pieces[at] as string
      const items = alternatives.at(-1) as Item[]
      if (repeated) fail()
      if (piece === '|') alternatives.push([])
      else if (piece === '...') repeated = close === ']' || fail()
      else if (piece === ']' || piece === '>') fail()
      else if (piece === '[' || piece === '<') {
        at++
        items.push({ kind: 'group', optional: piece === '[', ...readUntil(CLOSES[piece]) })
      } else items.push({ kind: 'word', text: piece === '""' ? '' : piece })
    }
    if (pieces[at] !== close) fail()
    if (close !== undefined && alternatives.some((items) => items.length === 0)) fail()
    return { repeated, alternatives }
  }

  return readUntil(undefined).alternatives
}
