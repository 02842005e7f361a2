import type { FastifyRequest } from 'fastify'
import type { Gate } from '../../../gate/gate.ts'
import type { Key } from '../../../gate/key-names.ts'

/** The key in the path of a request. Throws `invalid_key`. */
export const keyOfRequest = (gate: Gate, { params }: FastifyRequest): Key =>
  gate.keyOf((params as { key: string }).key)
