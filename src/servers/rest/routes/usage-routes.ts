import { answer } from '../answers/answer.ts'
import { object, type Schema, VERSION } from '../endpoints/describe.ts'
import type { Context, Endpoint } from '../endpoints/endpoint.ts'
import { Query } from '../requests/query.ts'

/** What the automation uses of its quota. */
export const usageEndpoints = ({ store }: Context): Endpoint[] => [
  {
    method: 'GET',
    path: '-usage',
    writes: false,
    handler: async (request, reply) => {
      new Query(request, [])
      const { keys, bytes, version } = await store.usage(request.caller.automation)
      const { maxKeys, maxBytes, maxElements } = store.limits
      return answer(reply, [
        ['keys', JSON.stringify({ used: keys, allowed: maxKeys })],
        ['bytes', JSON.stringify({ used: bytes, allowed: maxBytes })],
        ['elements', JSON.stringify({ allowed: maxElements })],
        ['version', String(version)],
      ])
    },
    description: {
      id: 'readUsage',
      tag: 'Keys',
      summary: 'What is used of the quota',
      description:
        'Keys and bytes that are used and allowed, and how many elements one list, hash, set, sorted set or stream may have. Bytes are ' +
        'counted as they are kept: sealed, with names, bookkeeping and the outcomes that are kept for 24 hours for an `Idempotency-Key`. ' +
        'What has expired may be counted for a moment.\n\nExample: `GET /api/automation/v1/kv-usage`',
      answers: {
        200: object('Used and allowed', {
          keys: used('Keys.'),
          bytes: used('Bytes.'),
          elements: object('Elements of one key.', { allowed: COUNT }),
          version: VERSION,
        }),
      },
    },
  },
]

const COUNT: Schema = { type: 'integer', minimum: 0 }

function used(description: string): Schema {
  return object(description, { used: COUNT, allowed: COUNT })
}
