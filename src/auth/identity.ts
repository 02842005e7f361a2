import { isAutomationId } from '../automation/keyring.ts'

export { isAutomationId }

/** Who a verified token speaks for, and until when. */
export interface Identity {
  readonly automationId: string
  readonly runId: string | undefined
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Milliseconds since the epoch. */
  readonly issuedAt: number | undefined
  readonly readOnly: boolean
}

export type Access = 'read-write' | 'read-only'

const LONGEST_RUN_ID = 256

/**
 * What a `scope` claim (RFC 8693 section 4.2, or an array of names) allows here; `undefined` when it names no
 * right of ours.
 */
export const accessOf = (scope: unknown): Access | undefined => {
  if (scope === undefined) return 'read-write'
  const names: unknown = typeof scope === 'string' ? scope.split(' ') : scope
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) return undefined
  if (names.includes('kv') || names.includes('kv:write')) return 'read-write'
  return names.includes('kv:read') ? 'read-only' : undefined
}

const milliseconds = (seconds: unknown): number | undefined =>
  typeof seconds === 'number' && Number.isFinite(seconds) ? Math.floor(seconds * 1000) : undefined

/**
 * The claims of a token whose signature holds; else the name of the claim that is missing or wrong. PyJWT
 * writes None as null.
 */
export const identityOf = (claims: Readonly<Record<string, unknown>>): Identity | string => {
  const { automation_id: automationId, run_id: runId, exp, iat, scope } = claims
  if (!isAutomationId(automationId)) return 'automation_id'
  if (runId !== undefined && runId !== null && (typeof runId !== 'string' || runId.length > LONGEST_RUN_ID))
    return 'run_id'
  const expiresAt = milliseconds(exp)
  if (expiresAt === undefined) return 'exp'
  const issuedAt = milliseconds(iat)
  if (iat !== undefined && issuedAt === undefined) return 'iat'
  const access = accessOf(scope)
  if (access === undefined) return 'scope'
  return Object.freeze({
    automationId,
    runId: runId || undefined,
    expiresAt,
    issuedAt,
    readOnly: access === 'read-only',
  })
}
