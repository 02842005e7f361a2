import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Automations } from '../../automation/automation.ts'
import type { Store } from '../../engine/store.ts'
import { KvError } from '../../errors/errors.ts'
import type { Turns } from '../../fair-share/turns.ts'
import type { Gate } from '../../gate/gate.ts'
import { UNUSED_SCHEMAS } from '../../lib/unused-schemas.ts'
import type { Log } from '../../observability/log.ts'
import type { Monitors } from '../../session/monitors.ts'
import { errorBody, errorHandler } from './answers/error-answers.ts'
import { logRequest } from './answers/request-log.ts'
import { registerEndpoints } from './endpoints/endpoint.ts'
import { boundConnections } from './limits/connections.ts'
import { parseInPieces } from './limits/pieces.ts'
import { RequestLimit } from './limits/request-limit.ts'
import { RequestTurns } from './limits/request-turns.ts'
import { registerDocumentation } from './openapi/documentation.ts'
import { AsyncStore } from './requests/async-store.ts'
import { authenticate, type Verifier } from './requests/bearer-token.ts'
import { keepBodiesRaw } from './requests/body.ts'
import { batchEndpoints } from './routes/batch-routes.ts'
import { counterEndpoints } from './routes/counter-routes.ts'
import { keyEndpoints } from './routes/key-routes.ts'
import { listEndpoints } from './routes/list-routes.ts'
import { usageEndpoints } from './routes/usage-routes.ts'

/** What clients may take of this door. */
export interface HttpLimits {
  readonly maxHttpConnections: number
  /** Of one automation. */
  readonly maxHttpRequests: number
  /** Of one automation. */
  readonly maxHttpBytes: number
  /** Time for the head of a request, also for a first one to come at all. */
  readonly loginTimeoutMs: number
  /** Time for the whole request, and for its answer to be read. */
  readonly httpTimeoutMs: number
}

/** A request as MONITOR shows it: method and address, but no body. */
const showTo =
  (monitors: Monitors) =>
  ({ caller, method, url, socket }: FastifyRequest, _reply: unknown, done: () => void): void => {
    const source = `http:${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`
    if (monitors.any) monitors.show(caller.automation.id, source, [Buffer.from(method), Buffer.from(url)])
    done()
  }

const DEFAULT_LIMITS: HttpLimits = {
  maxHttpConnections: 2_000,
  maxHttpRequests: 8,
  maxHttpBytes: 16 * 1024 * 1024,
  loginTimeoutMs: 10_000,
  httpTimeoutMs: 60_000,
}

export interface HttpDeps {
  readonly store: Store
  readonly automations: Automations
  readonly verifier: Verifier
  readonly log: Log
  readonly gate: Gate
  /** Processor time of the process. */
  readonly turns: Turns
  /** Who is shown requests. */
  readonly monitors?: Monitors
  /** Bytes. */
  readonly maxValueSize: number
  /** Bytes, of a batch. */
  readonly maxRequestSize: number
  readonly limits?: Partial<HttpLimits>
}

/** White space around a value, and the object around the value of a PATCH or a push. */
const BODY_SLACK_BYTES = 64 * 1024
/** A batch may be as long as so many of the largest values: it is checked in one piece. */
const MAX_VALUES_OF_BATCH = 4
/** Node allows 16 KiB for a request's head, so no parameter of a path is longer. */
const MAX_PARAM_LENGTH = 16 * 1024
/** An idle connection is kept so long, ms: longer than balancers do, so that they end it and not we. */
const KEEP_ALIVE_MS = 72_000
/** How many times what one automation may hold of bodies and answers may be held for all. */
const AUTOMATIONS_AT_ONCE = 8

/** The REST door: routes, errors and documentation. It does not listen; the caller listens and closes. */
export function createHttpServer(deps: HttpDeps): FastifyInstance {
  const { store, automations, verifier, gate, turns, monitors, log, maxValueSize, maxRequestSize } = deps
  const limits = { ...DEFAULT_LIMITS, ...deps.limits }
  const { httpTimeoutMs } = limits
  const headersTimeout = Math.min(limits.loginTimeoutMs, httpTimeoutMs)
  const maxBatchSize = Math.max(
    Math.min(maxRequestSize, MAX_VALUES_OF_BATCH * maxValueSize),
    maxValueSize + BODY_SLACK_BYTES,
  )
  const onError = errorHandler(log)
  const requestTurns = new RequestTurns(turns, verifier)
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: maxValueSize + BODY_SLACK_BYTES,
    serverFactory: (handle) => {
      const connectionsCheckingInterval = Math.min(1_000, headersTimeout / 2)
      const times = { headersTimeout, requestTimeout: httpTimeoutMs, connectionsCheckingInterval }
      const server = createServer(times, requestTurns.before(handle))
      server.keepAliveTimeout = KEEP_ALIVE_MS
      // Without a byte in either direction; longer, so that a slow sender is told before.
      return server.setTimeout(2 * httpTimeoutMs)
    },
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
      maxBatchSize,
    }),
  ]
  registerDocumentation(app, endpoints)
  const requests = new RequestLimit({
    maxRequests: limits.maxHttpRequests,
    maxBytes: limits.maxHttpBytes,
    maxBytesOfAll: Math.max(AUTOMATIONS_AT_ONCE * limits.maxHttpBytes, 4 * maxBatchSize),
  })
  app.register(async (scope) => {
    scope.addHook(
      'onRequest',
      authenticate(verifier, automations, gate, (request) => requestTurns.identityOf(request)),
    )
    if (monitors !== undefined) scope.addHook('onRequest', showTo(monitors))
    scope.addHook('onRequest', requests.onRequest)
    scope.addHook('onSend', requests.onSend)
    scope.addHook('preHandler', requestTurns.onBody)
    registerEndpoints(scope, endpoints)
  })
  parseInPieces(app.server)
  const release = boundConnections(app.server, {
    max: limits.maxHttpConnections,
    exchangeMs: 2 * httpTimeoutMs,
  })
  app.addHook('onClose', (_app, done) => {
    release()
    done()
  })
  return app
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
