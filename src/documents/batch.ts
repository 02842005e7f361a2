import type { Database } from '../engine/plaintext/database.ts'
import type { Extent } from '../engine/plaintext/extent.ts'
import { KvError } from '../errors/errors.ts'
import { detailOf } from '../errors/rest-detail.ts'
import type { Gate } from '../gate/gate.ts'
import type { Key } from '../gate/key-names.ts'
import { quote, splitArray } from '../json/document.ts'
import { parsePath } from '../json/path.ts'
import { checkDepth } from '../json/validate.ts'
import * as operations from './document-operations.ts'
import { MAX_TTL_SECONDS } from './document-operations.ts'
import { Fields } from './fields.ts'
import { MAX_DEPTH, type Members, valueMembers } from './presentation.ts'

export interface BatchLimits {
  readonly gate: Gate
  readonly maxValueSize: number
}

/** One operation of a batch, checked as far as that goes without the data. */
export interface BatchStep {
  readonly op: string
  readonly key: Key
  readonly extent: Extent
  readonly writes: boolean
  /** What the result tells beside op, key and success. */
  readonly run: (db: Database) => Members
}

export interface Batch {
  readonly ifVersion: number | undefined
  readonly steps: readonly BatchStep[]
}

export const MAX_OPERATIONS = 100

type Run = (db: Database, name: Buffer) => Members

interface OperationRow {
  /** Beside `op` and `key`. */
  readonly fields: readonly string[]
  readonly extent: Extent
  readonly writes: boolean
  readonly prepare: (fields: Fields, limits: BatchLimits) => Run
}

const row = (
  fields: readonly string[],
  extent: Extent,
  prepare: OperationRow['prepare'],
  writes = true,
): OperationRow => ({
  fields,
  extent,
  writes,
  prepare,
})

function textOfValue(fields: Fields, { maxValueSize }: BatchLimits): string {
  const text = fields.value('value')
  checkDepth(text, { maxDepth: MAX_DEPTH })
  return operations.checkSize(text, maxValueSize)
}

const count =
  (sign: bigint) =>
  (fields: Fields): Run => {
    const by = sign * fields.int64('by', 1n)
    return (db, name) => [['value', operations.increment(db, name, by).toString()]]
  }

const push =
  (side: operations.Side) =>
  (fields: Fields, limits: BatchLimits): Run => {
    const text = textOfValue(fields, limits)
    return (db, name) => [['length', String(operations.push(db, name, side, text))]]
  }

const pop = (side: operations.Side) => (): Run => (db, name) =>
  valueMembers(operations.pop(db, name, side) ?? { text: 'null' })

const OPERATIONS: ReadonlyMap<string, OperationRow> = new Map([
  [
    'set',
    row(['value', 'nx', 'xx', 'ex'], 'meta', (fields, limits) => {
      const text = textOfValue(fields, limits)
      const options = {
        nx: fields.flag('nx'),
        xx: fields.flag('xx'),
        keepTtl: false,
        ttlMs: (fields.count('ex', 1) ?? 0) * 1_000,
      }
      if (options.ttlMs > MAX_TTL_SECONDS * 1_000) throw new KvError('invalid_request', 'ex is too large')
      if (options.nx && options.xx) throw new KvError('invalid_request', 'nx and xx exclude each other')
      return (db, name) => [
        ['created', String(operations.set(db, name, text, options))],
        ['value', text],
      ]
    }),
  ],
  ['delete', row([], 'meta', () => (db, name) => [['deleted', String(operations.remove(db, name))]])],
  ['incr', row(['by'], 'all', count(1n))],
  ['decr', row(['by'], 'all', count(-1n))],
  ['lpush', row(['value'], 'ends', push('left'))],
  ['rpush', row(['value'], 'ends', push('right'))],
  ['lpop', row([], 'ends', pop('left'))],
  ['rpop', row([], 'ends', pop('right'))],
  [
    'patch',
    row(['path', 'value'], 'all', (fields, limits) => {
      const path = fields.string('path')
      const text = textOfValue(fields, limits)
      const segments = parsePath(path)
      return (db, name) => {
        operations.patch(db, name, segments, text, { create: true, maxBytes: limits.maxValueSize })
        return [
          ['path', quote(path)],
          ['value', text],
        ]
      }
    }),
  ],
  [
    'get',
    row(
      [],
      'all',
      () => (db, name) => {
        const shown = operations.get(db, name)
        return [['exists', String(shown !== undefined)], ...valueMembers(shown ?? { text: 'null' })]
      },
      false,
    ),
  ],
])

export const OPERATION_NAMES = [...OPERATIONS.keys()]

/**
 * Reads a batch. Throws `unprocessable` for its shape, `operation_failed` for an operation that cannot
 * succeed.
 */
export function parseBatch(text: string, limits: BatchLimits): Batch {
  const body = Fields.of(text).only(['if_version', 'operations'])
  const texts = splitArray(body.array('operations'))
  if (texts.length === 0 || texts.length > MAX_OPERATIONS) {
    throw new KvError('unprocessable', `operations must hold 1 to ${MAX_OPERATIONS} operations`)
  }
  return {
    ifVersion: body.count('if_version', 0),
    steps: texts.map((text, index) => parseStep(text, index, limits)),
  }
}

function parseStep(text: string, index: number, limits: BatchLimits): BatchStep {
  const fields = Fields.of(text)
  const op = fields.string('op')
  const operation = OPERATIONS.get(op)
  if (operation === undefined)
    throw new KvError('unprocessable', `op must be one of ${OPERATION_NAMES.join(', ')}`)
  fields.only(['op', 'key', ...operation.fields])
  return naming(index, op, () => {
    const key = limits.gate.keyOf(fields.string('key'))
    const run = operation.prepare(fields, limits)
    return { op, key, extent: operation.extent, writes: operation.writes, run: (db) => run(db, key.name) }
  })
}

/**
 * Names the operation in a failure that is its own; a wrong shape stays 422, a fault of the store its own
 * code.
 */
function naming<T>(index: number, op: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof KvError) || error.status >= 500 || error.code === 'unprocessable') throw error
    const text = `operation ${index} (${op}): ${detailOf(error)}`
    throw new KvError('operation_failed', text, { operation_index: index, operation: op })
  }
}

/** A hundred values of the largest size would be held at once, for a request of some kilobytes. */
const MAX_RESULT_BYTES = 16 * 1024 * 1024

/** Runs all steps as one job; the first that fails takes back all. Throws also `results_too_large`. */
export function runBatch({ steps }: Batch, db: Database): Members[] {
  let bytes = 0
  return steps.map((step, index) => {
    const members = naming(index, step.op, () => step.run(db))
    for (const [, text] of members) bytes += text.length
    if (bytes > MAX_RESULT_BYTES) throw new KvError('results_too_large', { allowed: MAX_RESULT_BYTES })
    return [['op', quote(step.op)], ['key', quote(step.key.text)], ['success', 'true'], ...members]
  })
}
