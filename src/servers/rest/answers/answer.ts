import type { FastifyReply } from 'fastify'
import type { Members } from '../../../documents/presentation.ts'
import type { Written } from '../../../engine/writes/written.ts'
import { joinObject, quote } from '../../../json/document.ts'

/** Answers with an object put together from JSON texts; 200 unless a code was set. */
export const answer = (reply: FastifyReply, members: Members): FastifyReply =>
  reply.type('application/json; charset=utf-8').send(joinObject(members))

/** ISO 8601 in UTC, as a JSON text. */
export const timeText = (ms: number): string => quote(new Date(ms).toISOString())

export const writtenMembers = ({ version, now }: Written): Members => [
  ['version', String(version)],
  ['updated_at', timeText(now)],
]
