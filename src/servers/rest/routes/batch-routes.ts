import type { FastifyReply, FastifyRequest } from 'fastify'
import { MAX_OPERATIONS, OPERATION_NAMES, parseBatch, runBatch } from '../../../documents/batch.ts'
import type { Members } from '../../../documents/presentation.ts'
import type { Database } from '../../../engine/plaintext/database.ts'
import { joinArray, joinObject } from '../../../json/document.ts'
import { answer } from '../answers/answer.ts'
import { ENCODING, object, VERSION } from '../endpoints/describe.ts'
import type { Context, Endpoint } from '../endpoints/endpoint.ts'
import { writeOnce } from '../requests/idempotency.ts'
import { requiredBody } from '../requests/input.ts'
import { Query } from '../requests/query.ts'

/** The body, its operations and the operation around a value. */
const WRAPPING = 3

export const batchEndpoints = ({
  store,
  gate,
  maxValueSize,
  maxBatchSize,
}: Context & { maxBatchSize: number }): Endpoint[] => {
  async function run(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    new Query(request, [])
    const text = requiredBody(request, WRAPPING)
    const batch = parseBatch(text, { gate, maxValueSize })
    const document = { name: 'batch', args: [Buffer.from(text)] } as const
    const needs = batch.steps.map(({ key, extent }) => ({ name: key.name, extent }))
    const steps = (db: Database): Members[] => runBatch(batch, db)
    const writes = batch.steps.some(({ writes }) => writes)
    if (writes) gate.allowRight(request.caller.identity, 'kv:write')
    const { result, written } = writes
      ? await writeOnce(store, request, reply, needs, steps, batch.ifVersion, document)
      : await store.compute(request.caller.automation, needs, steps, batch.ifVersion, { document })
    return answer(reply, [
      ['version', String(written.version)],
      ['results', joinArray(result.map(joinObject))],
    ])
  }
  return [
    {
      method: 'POST',
      path: '/batch',
      writes: false,
      bodyLimit: maxBatchSize,
      handler: run,
      description: BATCH,
    },
  ]
}

const OPERATION = object(
  'An operation with the fields that its endpoint has; no others are allowed.',
  {
    op: { enum: OPERATION_NAMES },
    key: { type: 'string' },
    value: { description: 'Any JSON: set, lpush, rpush, patch.' },
    path: { type: 'string', description: 'patch' },
    by: { type: 'integer', format: 'int64', default: 1, description: 'incr, decr' },
    nx: { type: 'boolean', description: 'set: fails when the key exists' },
    xx: { type: 'boolean', description: 'set: fails when the key does not exist' },
    ex: { type: ['integer', 'null'], minimum: 1, description: 'set: time to live in seconds' },
  },
  ['value', 'path', 'by', 'nx', 'xx', 'ex'],
)

const RESULT = object(
  'In the order of the operations',
  {
    op: { enum: OPERATION_NAMES },
    key: { type: 'string' },
    success: { const: true },
    value: {
      description:
        'set, patch: what was written; incr, decr: the new value; lpop, rpop: the element; get: the value. Null if none.',
    },
    encoding: ENCODING,
    exists: { type: 'boolean', description: 'get' },
    created: { type: 'boolean', description: 'set' },
    deleted: { type: 'boolean', description: 'delete' },
    length: { type: 'integer', description: 'lpush, rpush' },
    path: { type: 'string', description: 'patch' },
  },
  ['value', 'encoding', 'exists', 'created', 'deleted', 'length', 'path'],
)

const BATCH: Endpoint['description'] = {
  id: 'batch',
  tag: 'Batch',
  summary: 'Run several operations, all or nothing',
  description:
    'Redis twin: MULTI. The operations run in their order, each sees what those before it did, and nobody sees half of them. When one ' +
    'fails, nothing is written: 400 `operation_failed` tells which. All of them are one write request for the version. Here `patch` ' +
    'makes a missing key as `{}`, and `get` of a missing key is null with `exists` false. A token that may only read can run batches of `get`.\n\n' +
    'Example: `{"operations":[{"op":"incr","key":"seq"},{"op":"rpush","key":"log","value":"started"}]}`',
  body: {
    schema: object(
      'The operations',
      {
        if_version: {
          type: ['integer', 'null'],
          minimum: 0,
          description: 'Only if the version of the automation is still this one.',
        },
        operations: { type: 'array', minItems: 1, maxItems: MAX_OPERATIONS, items: OPERATION },
      },
      ['if_version'],
    ),
    examples: [
      {
        if_version: 7,
        operations: [
          { op: 'incr', key: 'seq' },
          { op: 'set', key: 'state', value: 'open', ex: 60 },
        ],
      },
    ],
  },
  answers: { 200: object('Done', { version: VERSION, results: { type: 'array', items: RESULT } }) },
  mayWrite: true,
  errors: ['operation_failed', 'version_mismatch', 'busy', 'quota_exceeded'],
}
