import fc from 'fast-check'
import { KvError } from '../../../src/errors/errors.ts'
import type { PathSegment } from '../../../src/json/path.ts'

export const LIMITS = { maxDepth: 32 }

/** What a function did: its result, or the code and message of the error a user would meet. */
export const outcome = <T>(run: () => T): { value: T } | { code: string; message: string } => {
  try {
    return { value: run() }
  } catch (error) {
    if (error instanceof KvError) return { code: error.code, message: error.message }
    throw error
  }
}

export const codeOf = (run: () => unknown): string | undefined => {
  const result = outcome(run)
  return 'code' in result ? result.code : undefined
}

/**
 * Few names, so that paths hit and names repeat; awkward ones, so that look-ups on a prototype would show.
 */
export const NAMES = [
  'a',
  'b',
  '',
  '0',
  '1',
  'a.b',
  '__proto__',
  'constructor',
  'length',
  'é',
  '"',
  '\\',
  'x\\n',
  '\n',
  '😀',
  '\ud800',
]

export const nameArbitrary = fc.constantFrom(...NAMES)

/** A name as JSON writes it, in one of many ways. */
const nameTextArbitrary = fc.tuple(nameArbitrary, fc.boolean()).map(([name, escaped]) => {
  if (!escaped) return JSON.stringify(name)
  const units = Array.from(
    { length: name.length },
    (_, i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, '0')}`,
  )
  return `"${units.join('')}"`
})

const spaceArbitrary = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n', '  ')

const scalarArbitrary = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    'false',
    '0',
    '-0',
    '1.10',
    '1e3',
    '-12',
    '9007199254740993',
    '1E-7',
    '0.0',
    '12345678901234567890',
  ),
  fc.string({ unit: 'binary' }).map((s) => JSON.stringify(s)),
  fc.constantFrom(
    '"\\ud800"',
    '"é"',
    '"\\u00e9"',
    '"]"',
    '"}"',
    '"{,"',
    '"\\\\"',
    '"\\""',
    '"\\\\\\""',
    '"\\/"',
  ),
)

const memberArbitrary = (text: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.tuple(
    spaceArbitrary,
    nameTextArbitrary,
    spaceArbitrary,
    fc.constant(':'),
    spaceArbitrary,
    text,
    spaceArbitrary,
  )

/** JSON texts as people write them: white space, repeated names, escapes, all spellings of numbers. */
export const { text: textArbitrary, object: objectArbitrary } = fc.letrec<{
  text: string
  object: string
  array: string
}>((tie) => ({
  text: fc.oneof({ maxDepth: 4, depthSize: 'small' }, scalarArbitrary, tie('object'), tie('array')),
  array: fc
    .tuple(spaceArbitrary, fc.array(fc.tuple(spaceArbitrary, tie('text'), spaceArbitrary), { maxLength: 4 }))
    .map(([space, items]) => `[${items.length > 0 ? items.map((item) => item.join('')).join(',') : space}]`),
  object: fc
    .tuple(spaceArbitrary, fc.array(memberArbitrary(tie('text')), { maxLength: 4 }))
    .map(([space, items]) => `{${items.length > 0 ? items.map((item) => item.join('')).join(',') : space}}`),
}))

export const pathArbitrary: fc.Arbitrary<PathSegment[]> = fc.array(
  fc.oneof({ weight: 2, arbitrary: nameArbitrary }, { weight: 1, arbitrary: fc.nat({ max: 3 }) }),
  { minLength: 1, maxLength: 4 },
)
