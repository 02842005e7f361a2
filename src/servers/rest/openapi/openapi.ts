import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import Fastify, { type FastifyInstance } from 'fastify'
import { UNUSED_SCHEMAS } from '../../../lib/unused-schemas.ts'
import { VERSION } from '../../../lib/version.ts'
import { ERROR_SCHEMA } from '../endpoints/describe.ts'
import { API_PATH, type Endpoint, registerEndpoints } from '../endpoints/endpoint.ts'

const ABOUT = `
A small, private, durable key-value store for every automation. The bearer token says whose store it is; there is no other address of it.
The same data is served to Redis clients (RESP): each endpoint names its Redis twin.

**Values** are any JSON, up to 1 MiB and 32 levels, and come back exactly as they were written: 64-bit integers, decimals, the order of
names. What a Redis client wrote is shown as the JSON that its bytes spell, else as a string; bytes that are not UTF-8 as base64 with
\`"encoding":"base64"\`. A hash is shown as an object, a list and a set as an array, a sorted set as an array of \`{"member","score"}\`,
a stream as an array of \`{"id","fields"}\`.
Inside these, bytes that are not UTF-8 are \`{"$base64":"..."}\`, and such a field name is \`$base64:...\`.

**Version**: every write request of the automation adds exactly 1, over REST or RESP; a batch is one. What changes nothing adds nothing.

**Errors** are \`{"error","message","detail"}\`; \`detail\` begins with the code. A 409 \`version_mismatch\` or \`kv_store_busy\` and a 503
have \`Retry-After\`. A 503 that says that the outcome is unknown may have been applied.

**Retries**: a write that carries an \`Idempotency-Key\` is made at most once. Sent again within 24 hours by the same run, whatever became
of it, it is either made or gets the first answer.

\`\`\`sh
curl -X PUT -H "Authorization: Bearer $AUTOMATION_KV_TOKEN" -H 'Content-Type: application/json' \\
  -d '{"name":"Ada"}' "$AUTOMATION_API_URL/v1/kv/user:1"
\`\`\`
`

interface Body {
  required?: boolean
  readonly content: Record<string, { schema?: { required?: unknown } }>
}

interface Document {
  readonly paths?: Record<string, Record<string, { requestBody?: Body }>>
}

/** A body whose fields may all be left out may itself be left out; the plugin has no word for that. */
function optionalBodies(document: Document): Document {
  for (const { requestBody } of Object.values(document.paths ?? {}).flatMap((path) => Object.values(path))) {
    const required = requestBody?.content['application/json']?.schema?.required
    if (requestBody !== undefined && Array.isArray(required) && required.length === 0)
      requestBody.required = false
  }
  return document
}

/** All that the page loads comes from here. */
const CONTENT_SECURITY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"

/**
 * Answers for the document at `/api/automation/openapi.json` and the pages at `/api/automation/docs`, of
 * endpoints that it only describes.
 */
export function createDocumentation(endpoints: readonly Endpoint[]): FastifyInstance {
  const app = Fastify({ logger: false, exposeHeadRoutes: false, schemaController: UNUSED_SCHEMAS })
  app.addSchema(ERROR_SCHEMA)
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'automation-kv', version: VERSION, description: ABOUT },
      tags: [
        { name: 'Keys', description: 'Values and their parts' },
        { name: 'Counters', description: 'Integers of 64 bits' },
        { name: 'Lists', description: 'Both ends of a list' },
        { name: 'Batch', description: 'Several operations, all or nothing' },
      ],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ token: [] }],
    },
    transformObject: (document) =>
      optionalBodies((document as { openapiObject: Document }).openapiObject) as never,
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, i) => (typeof $id === 'string' ? $id : `schema-${i}`),
    },
  })
  app.register(swaggerUi, {
    routePrefix: `${API_PATH}/docs`,
    staticCSP: CONTENT_SECURITY,
    theme: { title: 'automation-kv' },
    uiConfig: { docExpansion: 'list', tryItOutEnabled: true },
  })
  app.register(async (scope) => {
    scope.get(`${API_PATH}/openapi.json`, { schema: { hide: true } }, () => scope.swagger())
    registerEndpoints(
      scope,
      endpoints.map((endpoint) => ({
        ...endpoint,
        handler: async (_request, reply) => reply.code(404).send(),
      })),
    )
  })
  return app
}
