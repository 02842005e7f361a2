import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Automation } from '../../../automation/automation.ts'
import { locations } from '../../../automation/location.ts'
import { getWithMeta, type ShownWithMeta } from '../../../documents/document-jobs.ts'
import type { PutOptions } from '../../../documents/document-operations.ts'
import * as operations from '../../../documents/document-operations.ts'
import { Fields } from '../../../documents/fields.ts'
import {
  MAX_DEPTH,
  type Members,
  type Shown,
  shownPlain,
  valueMembers,
} from '../../../documents/presentation.ts'
import type { Database } from '../../../engine/plaintext/database.ts'
import { openStoredString } from '../../../engine/plaintext/stored-string.ts'
import { leaves, type NativeWrite, nativeWrite } from '../../../engine/writes/native-write.ts'
import { setWrite } from '../../../engine/writes/set-write.ts'
import type { Written } from '../../../engine/writes/written.ts'
import { KvError } from '../../../errors/errors.ts'
import type { Key } from '../../../gate/key-names.ts'
import { getPath } from '../../../json/access.ts'
import { joinArray, quote } from '../../../json/document.ts'
import { type PathSegment, parsePath } from '../../../json/path.ts'
import { checkDepth } from '../../../json/validate.ts'
import { answer, timeText, writtenMembers } from '../answers/answer.ts'
import type { Context, Endpoint, Handler } from '../endpoints/endpoint.ts'
import { type AsyncStore, MUST_COMPUTE, WRONG_TYPE } from '../requests/async-store.ts'
import { hasIdempotencyKey, writeOnce } from '../requests/idempotency.ts'
import { requiredBody } from '../requests/input.ts'
import { keyOfRequest } from '../requests/key-parameter.ts'
import { cursorOf, listKeys, parseListCursor } from '../requests/listing.ts'
import { Query, setOptions } from '../requests/query.ts'
import { DELETE, GET, LIST, PATCH, PUT } from './key-descriptions.ts'

const MAX_LIMIT = 1_000

const list =
  ({ store, gate }: Context): Handler =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const query = new Query(request, ['prefix', 'limit', 'cursor'])
    const cursor = query.text('cursor')
    const { keys, last, omitted } = await listKeys(store, request.caller.automation, {
      prefix: Buffer.from(query.text('prefix') ?? ''),
      limit: query.count('limit', 1, MAX_LIMIT) ?? Infinity,
      after: cursor === undefined ? undefined : parseListCursor(cursor),
      gate,
    })
    return answer(reply, [
      ['keys', joinArray(keys.map(quote))],
      ['count', String(keys.length)],
      ...(last === undefined ? [] : ([['next_cursor', quote(cursorOf(last))]] as const)),
      ...(omitted === 0 ? [] : ([['omitted', String(omitted)]] as const)),
    ])
  }

const get =
  ({ store, gate }: Context): Handler =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const key = keyOfRequest(gate, request)
    const query = new Query(request, ['path', 'meta'])
    const path = query.text('path')
    const segments = path === undefined ? [] : parsePath(path)
    const found = query.flag('meta')
      ? await readWithMeta(store, request.caller.automation, key)
      : { shown: await read(store, request.caller.automation, key, segments), meta: [] }
    if (found?.shown === undefined) throw new KvError('no_such_key')
    const at: Members = path === undefined ? [] : [['path', quote(path)]]
    return answer(reply, [
      ['key', quote(key.text)],
      ...at,
      ...valueMembers(partOf(found.shown, segments)),
      ...found.meta,
    ])
  }

/**
 * A string takes one native command; other types are read with their parts, of a hash only the field that
 * the path names.
 */
async function read(
  store: AsyncStore,
  automation: Automation,
  { name }: Key,
  [first]: readonly PathSegment[],
): Promise<Shown | undefined> {
  const raw = await store.read(automation, ['GET', automation.key(name)])
  if (raw === null) return undefined
  if (raw !== WRONG_TYPE) return shownPlain(openStoredString(automation, name, raw as Buffer))
  const extent = typeof first === 'string' ? [Buffer.from(first)] : 'all'
  const document = { name: 'get', args: [name] } as const
  const run = (db: Database): Shown | undefined => operations.get(db, name)
  return (await store.compute(automation, [{ name, extent }], run, undefined, { document })).result
}

async function readWithMeta(
  store: AsyncStore,
  automation: Automation,
  { name }: Key,
): Promise<{ shown: Shown; meta: Members } | undefined> {
  const document = { name: 'getWithMeta', args: [name] } as const
  const needs = [{ name, extent: 'all' }] as const
  const run = (db: Database): ShownWithMeta | undefined => getWithMeta(db, name)
  const { result, written } = await store.compute(automation, needs, run, undefined, { document })
  if (result === undefined) return undefined
  const { shown, ttl, type, createdAt, updatedAt } = result
  const meta: Members = [
    ['version', String(written.version)],
    ['created_at', timeText(createdAt)],
    ['updated_at', timeText(updatedAt)],
    ['ttl', String(ttl)],
    ['type', quote(type)],
  ]
  return { shown, meta }
}

const put =
  ({ store, gate, maxValueSize }: Context): Handler =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const { automation } = request.caller
    const key = keyOfRequest(gate, request)
    const query = new Query(request, ['nx', 'xx', 'ex', 'px', 'keepttl', 'if_version'])
    const options = setOptions(query)
    const ifVersion = query.count('if_version', 0)
    const text = operations.checkSize(requiredBody(request), maxValueSize)
    const refused = (): KvError =>
      new KvError(options.nx ? 'key_exists' : 'key_not_exists', undefined, { key: key.text, created: false })
    const computed = (): Promise<{ written: Written }> => {
      const set = (db: Database): boolean => {
        if (options.nx ? db.has(key.name) : options.xx && !db.has(key.name)) throw refused()
        return operations.set(db, key.name, text, options)
      }
      return writeOnce(store, request, reply, [{ name: key.name, extent: 'meta' }], set, ifVersion)
    }
    const direct = async (): Promise<{ written: Written }> => {
      const operation = setOperation(automation, key.name, text, options)
      const outcome = await store.write(automation, operation, ifVersion)
      if (outcome === MUST_COMPUTE) return computed()
      if (outcome === WRONG_TYPE) throw new KvError('wrong_type')
      if (outcome.reply === null) throw refused()
      return outcome
    }
    const { written } = await (hasIdempotencyKey(request) ? computed() : direct())
    const created = written.created > 0
    if (created) reply.code(201)
    return answer(reply, [
      ['key', quote(key.text)],
      ['value', text],
      ['created', String(created)],
      ...writtenMembers(written),
    ])
  }

const patch =
  ({ store, gate, maxValueSize }: Context): Handler =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const { text: keyText, name } = keyOfRequest(gate, request)
    const ifVersion = new Query(request, ['if_version']).count('if_version', 0)
    const fields = Fields.of(requiredBody(request, 1)).only(['path', 'value'])
    const path = fields.string('path')
    const text = operations.checkSize(fields.value('value'), maxValueSize)
    checkDepth(text, { maxDepth: MAX_DEPTH })
    const segments = parsePath(path)
    const run = operations.patch
    const options = { create: false, maxBytes: maxValueSize }
    const needs = [{ name, extent: 'all' }] as const
    const { written } = await writeOnce(
      store,
      request,
      reply,
      needs,
      (db) => run(db, name, segments, text, options),
      ifVersion,
    )
    return answer(reply, [
      ['key', quote(keyText)],
      ['path', quote(path)],
      ['value', text],
      ...writtenMembers(written),
    ])
  }

const remove =
  ({ store, gate }: Context): Handler =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const { text, name } = keyOfRequest(gate, request)
    const ifVersion = new Query(request, ['if_version']).count('if_version', 0)
    const answered = (deleted: boolean): FastifyReply =>
      answer(reply, [
        ['key', quote(text)],
        ['deleted', String(deleted)],
      ])
    const computed = async (): Promise<boolean> => {
      const needs = [{ name, extent: 'meta' }] as const
      return (await writeOnce(store, request, reply, needs, (db) => operations.remove(db, name), ifVersion))
        .result
    }
    if (hasIdempotencyKey(request)) return answered(await computed())
    const outcome = await store.write(
      request.caller.automation,
      nativeWrite('UNLINK', name, leaves.gone, 'positive'),
      ifVersion,
    )
    if (outcome === MUST_COMPUTE) return answered(await computed())
    return answered(outcome !== WRONG_TYPE && outcome.reply !== 0)
  }

export const keyEndpoints = (context: Context): Endpoint[] => [
  { method: 'GET', path: '', writes: false, handler: list(context), description: LIST },
  { method: 'GET', path: '/:key', writes: false, handler: get(context), description: GET },
  { method: 'PUT', path: '/:key', writes: true, handler: put(context), description: PUT },
  { method: 'PATCH', path: '/:key', writes: true, handler: patch(context), description: PATCH },
  { method: 'DELETE', path: '/:key', writes: true, handler: remove(context), description: DELETE },
]

/** The same rule as `operations.set`, as one native command. */
function setOperation(
  automation: Automation,
  name: Buffer,
  text: string,
  { nx, xx, keepTtl, ttlMs }: PutOptions,
): NativeWrite {
  const { bytes, json } = operations.documentOf(text)
  const sealed = automation.sealer.seal(locations.string(name), bytes, json)
  return setWrite(name, sealed, { nx, xx, keepTtl, expiry: ttlMs > 0 ? ['PX', ttlMs] : undefined })
}

/** Throws `path_not_found`. */
function partOf(shown: Shown, segments: readonly PathSegment[]): Shown {
  if (segments.length === 0) return shown
  const text = getPath(shown.text, segments)
  if (text === undefined) throw new KvError('path_not_found')
  return { text }
}
