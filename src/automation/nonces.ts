import { Buffer } from 'node:buffer'
import { randomFillSync } from 'node:crypto'

export const NONCE_BYTES = 12
const BATCH = 512

const pool = Buffer.alloc(BATCH * NONCE_BYTES)
const views = Array.from({ length: BATCH }, (_, i) => pool.subarray(i * NONCE_BYTES, (i + 1) * NONCE_BYTES))
let next = BATCH

/**
 * A fresh random 96-bit nonce (NIST SP 800-38D section 8.2.2). One call for many costs a twentieth of one
 * call for each. The Buffer is a view into the pool: use it before the next call, and do not keep it.
 */
export const freshNonce = (): Buffer => {
  if (next === BATCH) {
    randomFillSync(pool)
    next = 0
  }
  return views[next++] as Buffer
}
