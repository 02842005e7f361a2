import type { FastifyServerOptions } from 'fastify'

/**
 * Schemas are documentation: nothing is parsed, coerced or printed by them, so their compilers need not even
 * be loaded.
 */
export const UNUSED_SCHEMAS = {
  compilersFactory: {
    buildValidator: () => () => () => true,
    buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
  },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>
