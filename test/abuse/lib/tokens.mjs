// Tokens as the dispatcher mints them.
import { createHmac } from 'node:crypto'

/** @param {unknown} value */
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * @param {string} secret
 * @param {string} automation
 * @param {import('./types.mjs').Scope} [scope]
 */
export const mint = (secret, automation, scope = 'kv') => {
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { automation_id: automation, run_id: 'abuse', iat, exp: iat + 24 * 3_600, scope }
  const unsigned = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`
}
