import type { FastifyReply, FastifyRequest } from 'fastify'
import { increment } from '../../../documents/document-operations.ts'
import { Fields } from '../../../documents/fields.ts'
import type { Database } from '../../../engine/plaintext/database.ts'
import { quote } from '../../../json/document.ts'
import { answer } from '../answers/answer.ts'
import { KEY, object } from '../endpoints/describe.ts'
import type { Context, Endpoint } from '../endpoints/endpoint.ts'
import { writeOnce } from '../requests/idempotency.ts'
import { bodyText } from '../requests/input.ts'
import { keyOfRequest } from '../requests/key-parameter.ts'
import { Query } from '../requests/query.ts'

export const counterEndpoints = ({ store, gate }: Context): Endpoint[] => {
  const count =
    (sign: bigint) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const { text, name } = keyOfRequest(gate, request)
      new Query(request, [])
      const body = bodyText(request, 1)
      const by = sign * (body === undefined ? Fields.none : Fields.of(body)).only(['by']).int64('by', 1n)
      const add = (db: Database): string => increment(db, name, by).toString()
      const { result } = await writeOnce(store, request, reply, [{ name, extent: 'all' }], add)
      return answer(reply, [
        ['key', quote(text)],
        ['value', result],
      ])
    }
  return [
    {
      method: 'POST',
      path: '/:key/incr',
      writes: true,
      handler: count(1n),
      description: described('incr', 'Add to', 'INCRBY'),
    },
    {
      method: 'POST',
      path: '/:key/decr',
      writes: true,
      handler: count(-1n),
      description: described('decr', 'Subtract from', 'DECRBY'),
    },
  ]
}

const described = (id: string, verb: string, twin: string): Endpoint['description'] => ({
  id: `${id}Key`,
  tag: 'Counters',
  summary: `${verb} an integer`,
  description:
    `Redis twin: ${twin}. The body may be left out; \`by\` is then 1. A missing key starts at 0; the TTL stays. 400 \`type_mismatch\` ` +
    'when the value is not an integer or the result does not fit in 64 bits.\n\n' +
    `Example: \`POST /api/automation/v1/kv/visits/${id}\` with the body \`{"by":5}\``,
  key: true,
  body: {
    schema: object('By how much', { by: { type: 'integer', format: 'int64', default: 1 } }, ['by']),
    examples: [{ by: 5 }],
  },
  answers: { 200: object('The new value', { key: KEY, value: { type: 'integer', format: 'int64' } }) },
  errors: ['type_mismatch', 'quota_exceeded', 'busy'],
})
