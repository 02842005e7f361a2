import type { FastifyReply, FastifyRequest } from 'fastify'
import { locations } from '../../../automation/location.ts'
import type { BackingReply } from '../../../backing/backing.ts'
import * as operations from '../../../documents/document-operations.ts'
import { Fields } from '../../../documents/fields.ts'
import { MAX_DEPTH, valueMembers } from '../../../documents/presentation.ts'
import { creates, nativeWrite } from '../../../engine/writes/native-write.ts'
import { KvError } from '../../../errors/errors.ts'
import { quote } from '../../../json/document.ts'
import { checkDepth } from '../../../json/validate.ts'
import { answer } from '../answers/answer.ts'
import { ANY, ENCODING, KEY, object } from '../endpoints/describe.ts'
import type { Context, Endpoint, Handler } from '../endpoints/endpoint.ts'
import { MUST_COMPUTE, WRONG_TYPE } from '../requests/async-store.ts'
import { hasIdempotencyKey, writeOnce } from '../requests/idempotency.ts'
import { bodyText, requiredBody } from '../requests/input.ts'
import { keyOfRequest } from '../requests/key-parameter.ts'
import { Query } from '../requests/query.ts'

const length =
  ({ store, gate }: Context): Handler =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const { automation } = request.caller
    const { text, name } = keyOfRequest(gate, request)
    new Query(request, [])
    const native = await store.read(automation, ['LLEN', automation.key(name)])
    const count =
      native === WRONG_TYPE
        ? (await store.compute(automation, [{ name, extent: 'ends' }], (db) => operations.length(db, name)))
            .result
        : native === 0
          ? undefined
          : native
    if (count === undefined) throw new KvError('no_such_key')
    return answer(reply, [
      ['key', quote(text)],
      ['length', String(count)],
    ])
  }

export const listEndpoints = (context: Context): Endpoint[] => {
  const { store, gate, maxValueSize } = context
  const push =
    (side: operations.Side): Handler =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const { automation } = request.caller
      const { text, name } = keyOfRequest(gate, request)
      new Query(request, [])
      const element = operations.checkSize(
        Fields.of(requiredBody(request, 1)).only(['value']).value('value'),
        maxValueSize,
      )
      checkDepth(element, { maxDepth: MAX_DEPTH })
      const computed = async (): Promise<number> =>
        (
          await writeOnce(store, request, reply, [{ name, extent: 'ends' }], (db) =>
            operations.push(db, name, side, element),
          )
        ).result
      const answered = (length: BackingReply): FastifyReply =>
        answer(reply, [
          ['key', quote(text)],
          ['length', String(length)],
        ])
      if (hasIdempotencyKey(request)) return answered(await computed())
      const { bytes, json } = operations.documentOf(element)
      const sealed = automation.sealer.seal(locations.element(name), bytes, json)
      const native = await store.write(
        automation,
        nativeWrite(side === 'left' ? 'LPUSH' : 'RPUSH', name, creates.withItsTtl, 'positive', [sealed]),
      )
      // The list may be a document that holds an array.
      return answered(native === WRONG_TYPE || native === MUST_COMPUTE ? await computed() : native.reply)
    }

  const pop =
    (side: operations.Side): Handler =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const { text, name } = keyOfRequest(gate, request)
      new Query(request, [])
      const body = bodyText(request)
      if (body !== undefined) Fields.of(body).only([])
      const { result } = await writeOnce(store, request, reply, [{ name, extent: 'ends' }], (db) =>
        operations.pop(db, name, side),
      )
      return answer(reply, [['key', quote(text)], ...valueMembers(result ?? { text: 'null' })])
    }

  return [
    {
      method: 'POST',
      path: '/:key/lpush',
      writes: true,
      handler: push('left'),
      description: pushed('lpush', 'front'),
    },
    {
      method: 'POST',
      path: '/:key/rpush',
      writes: true,
      handler: push('right'),
      description: pushed('rpush', 'end'),
    },
    {
      method: 'POST',
      path: '/:key/lpop',
      writes: true,
      handler: pop('left'),
      description: popped('lpop', 'first'),
    },
    {
      method: 'POST',
      path: '/:key/rpop',
      writes: true,
      handler: pop('right'),
      description: popped('rpop', 'last'),
    },
    { method: 'GET', path: '/:key/len', writes: false, handler: length(context), description: LENGTH },
  ]
}

const LENGTH_ANSWER = object('The length of the list', { key: KEY, length: { type: 'integer' } })

const pushed = (id: string, where: string): Endpoint['description'] => ({
  id: `${id}Key`,
  tag: 'Lists',
  summary: `Put a value at the ${where} of a list`,
  description:
    `Redis twin: ${id.toUpperCase()}. A missing key becomes a list; an array that was written with PUT is used as one.` +
    `\n\nExample: \`POST /api/automation/v1/kv/jobs/${id}\` with the body \`{"value":{"id":7}}\``,
  key: true,
  body: { schema: object('The element', { value: ANY }), examples: [{ value: { id: 7 } }] },
  answers: { 200: LENGTH_ANSWER },
  errors: ['type_mismatch', 'quota_exceeded', 'busy'],
})

const popped = (id: string, which: string): Endpoint['description'] => ({
  id: `${id}Key`,
  tag: 'Lists',
  summary: `Take the ${which} value of a list`,
  description:
    `Redis twin: ${id.toUpperCase()}. \`value\` is null when the key is missing or the list is empty. Unlike in Redis, the last pop ` +
    `leaves an empty list and not a missing key.\n\nExample: \`POST /api/automation/v1/kv/jobs/${id}\``,
  key: true,
  answers: { 200: object('The element', { key: KEY, value: ANY, encoding: ENCODING }, ['encoding']) },
  errors: ['type_mismatch', 'busy'],
})

const LENGTH: Endpoint['description'] = {
  id: 'lenKey',
  tag: 'Lists',
  summary: 'Count the values of a list',
  description:
    'Redis twin: LLEN. Unlike in Redis, a missing key is 404.\n\nExample: `GET /api/automation/v1/kv/jobs/len`',
  key: true,
  answers: { 200: LENGTH_ANSWER },
  errors: ['no_such_key', 'type_mismatch'],
}
