import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Automations } from '../../automation/automation.ts'
import type { Store } from '../../engine/store.ts'
import { KvError } from '../../errors/errors.ts'
import type { Gate } from '../../gate/gate.ts'
import { UNUSED_SCHEMAS } from '../../lib/unused-schemas.ts'
import type { Log } from '../../observability/log.ts'
import { errorBody, errorHandler } from './answers/error-answers.ts'
import { logRequest } from './answers/request-log.ts'
import { registerEndpoints } from './endpoints/endpoint.ts'
import { registerDocumentation } from './openapi/documentation.ts'
import { AsyncStore } from './requests/async-store.ts'
import { authenticate, type Verifier } from './requests/bearer-token.ts'
import { batchEndpoints } from './routes/batch-routes.ts'
import { counterEndpoints } from './routes/counter-routes.ts'
import { keyEndpoints } from './routes/key-routes.ts'
import { listEndpoints } from './routes/list-routes.ts'
import { usageEndpoints } from './routes/usage-routes.ts'

export interface HttpDeps {
  readonly store: Store
  readonly automations: Automations
  readonly verifier: Verifier
  readonly log: Log
  readonly gate: Gate
  /** Bytes. */
  readonly maxValueSize: number
  /** Largest body of a batch, in bytes; four largest values when unset. */
  readonly maxRequestSize?: number
  /** The product's version, for the documentation. */
  readonly version?: string
}

/** White space around a value, and the object around the value of a PATCH or a push. */
const BODY_SLACK_BYTES = 64 * 1024
/** Node allows 16 KiB for a request's head, so no parameter of a path is longer. */
const MAX_PARAM_LENGTH = 16 * 1024
/** From the first byte of a request to its last: slow senders are cut off. */
const REQUEST_TIMEOUT_MS = 60_000

/** The REST door: routes, errors and documentation. It does not listen; the caller listens and closes. */
export function createHttpServer(deps: HttpDeps): FastifyInstance {
  const {
    store,
    automations,
    verifier,
    gate,
    log,
    maxValueSize,
    maxRequestSize = 4 * maxValueSize,
    version = '0.0.0',
  } = deps
  const onError = errorHandler(log)
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: maxValueSize + BODY_SLACK_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    schemaController: UNUSED_SCHEMAS,
    frameworkErrors: (error, request, reply) =>
      void onError(error, request as FastifyRequest, reply as never),
    clientErrorHandler: refuseMalformed,
  })
  app.decorateRequest('caller')
  app.decorateRequest('outcome', 'ok')
  app.setErrorHandler(onError)
  app.setNotFoundHandler(() => {
    throw new KvError('not_found')
  })
  app.addHook('onResponse', logRequest(log))
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    done()
  })
  keepBodiesRaw(app)
  const context = { store: new AsyncStore(store), gate, maxValueSize }
  const endpoints = [
    ...keyEndpoints(context),
    ...counterEndpoints(context),
    ...listEndpoints(context),
    ...usageEndpoints(context),
    ...batchEndpoints({
      ...context,
      maxBatchSize: Math.max(maxRequestSize, maxValueSize + BODY_SLACK_BYTES),
    }),
  ]
  registerDocumentation(app, version, endpoints)
  app.register(async (scope) => {
    scope.addHook('onRequest', authenticate(verifier, automations, gate))
    registerEndpoints(scope, endpoints)
  })
  return app
}

/** JSON is taken as bytes and answered as text. */
function keepBodiesRaw(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  // Some clients name a type without sending a body.
  app.addContentTypeParser('*', ({ headers, is404 }, _payload, done) => {
    const empty = headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
    done(empty || is404 ? null : new KvError('unsupported_media'))
  })
}

const STATUS_LINES: ReadonlyMap<string | undefined, string> = new Map([
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
])

/** What is not HTTP at all never becomes a request; the connection ends. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const body = errorBody(new KvError('invalid_request', 'this is not a valid HTTP request'))
  const head = `HTTP/1.1 ${STATUS_LINES.get(error.code) ?? '400 Bad Request'}\r\ncontent-type: application/json; charset=utf-8\r\n`
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
}
