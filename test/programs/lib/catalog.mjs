/** @typedef {import('./types.mjs').Program} Program */

const BULLMQ = 'bullmq@6.7.0'

/** In the order of the page. @type {readonly Program[]} */
export const PROGRAMS = [
  { id: 'bullmq', name: 'BullMQ', language: 'Node.js', packages: [BULLMQ], scenario: 'node/bullmq.mjs' },
  {
    id: 'bullmq-many',
    name: 'BullMQ, many jobs',
    language: 'Node.js',
    packages: [BULLMQ],
    scenario: 'node/bullmq-many.mjs',
    env: { KV_CHECK_LIMIT_MS: '120000' },
  },
]
