import { randomBytes } from 'node:crypto'

/** Names this process for its lifetime, as Redis's run_id does: 40 hexadecimal characters. */
export const RUN_ID = randomBytes(20).toString('hex')
