/** @typedef {import('./types.mjs').Program} Program */

const BULLMQ = 'bullmq@6.7.0'
const IOREDIS = 'ioredis@5'
const NODE_REDIS = 'redis@6.3.1'

/**
 * @param {string} id
 * @param {string} name
 * @param {string[]} packages
 * @param {Partial<Program>} more
 * @returns {Program}
 */
const node = (id, name, packages, more = {}) => ({
  id,
  name,
  language: 'Node.js',
  packages,
  scenario: `node/${id}.mjs`,
  ...more,
})

/**
 * @param {string} id
 * @param {string} name
 * @param {string[]} packages
 * @param {string} scenario
 * @returns {Program}
 */
const python = (id, name, packages, scenario) => ({
  id,
  name,
  language: 'Python',
  packages,
  scenario: `python/${scenario}.py`,
})

/** In the order of the page. @type {readonly Program[]} */
export const PROGRAMS = [
  node('bullmq', 'BullMQ', [BULLMQ]),
  node('bullmq-many', 'BullMQ, many jobs', [BULLMQ], { env: { KV_CHECK_LIMIT_MS: '120000' } }),
  node('bull', 'bull', ['bull@4.16.5']),
  node('bee-queue', 'bee-queue', ['bee-queue@2.0.0']),
  node('bottleneck', 'bottleneck', ['bottleneck@2.19.5', IOREDIS]),
  node('rate-limiter-flexible', 'rate-limiter-flexible', ['rate-limiter-flexible@11.4.0', IOREDIS]),
  node('rate-limit-redis', 'express-rate-limit', [
    'rate-limit-redis@6.0.1',
    'express-rate-limit@8.7.4',
    'express@5.3.0',
    NODE_REDIS,
  ]),
  node('redlock', 'redlock', ['redlock@4.2.0', IOREDIS]),
  node('redis-semaphore', 'redis-semaphore', ['redis-semaphore@5.8.0', IOREDIS]),
  ...['redis', 'redis-streams'].map((by) =>
    node(
      `socket-io-${by}`,
      `socket.io, ${by} adapter`,
      [
        by === 'redis' ? '@socket.io/redis-adapter@8.3.0' : '@socket.io/redis-streams-adapter@0.3.1',
        'socket.io@4.8.4',
        'socket.io-client@4.8.4',
        IOREDIS,
      ],
      { scenario: 'node/socket-io.mjs', env: { KV_ADAPTER: by } },
    ),
  ),
  node('connect-redis', 'connect-redis', [
    'connect-redis@10.0.0',
    'express-session@1.19.0',
    'express@5.3.0',
    NODE_REDIS,
  ]),
  node('keyv', 'keyv', ['@keyv/redis@5.1.6', 'keyv@6.1.0']),
  node('cacheable', 'cacheable', ['cacheable@2.5.0', '@keyv/redis@5.1.6']),
  node('node-redis-cache', 'node-redis, client-side cache', [NODE_REDIS]),
  python('rq', 'rq, redis-py 8', ['rq==2.12.0', 'redis==8.1.0'], 'rq_queue'),
  python('rq-redis-5', 'rq, redis-py 5', ['rq==2.12.0', 'redis<6'], 'rq_queue'),
  python('celery', 'celery', ['celery[redis]==5.7.0', 'pytest'], 'celery_queue'),
  python('dramatiq', 'dramatiq', ['dramatiq[redis]==2.2.1'], 'dramatiq_queue'),
  python('huey', 'huey', ['huey==3.5.4', 'redis'], 'huey_queue'),
  python('arq', 'arq', ['arq==0.28.0'], 'arq_queue'),
  python('walrus', 'walrus', ['walrus==0.9.8'], 'walrus_types'),
  python('redis-om', 'redis-om', ['redis-om==1.2.0'], 'redis_om_models'),
  python('limits', 'limits', ['limits[redis]==5.8.0'], 'limits_strategies'),
  python('cashews', 'cashews', ['cashews[redis]==7.6.0'], 'cashews_cache'),
  python('pottery', 'pottery', ['pottery==3.0.1'], 'pottery_types'),
  python('django-redis', 'django-redis', ['django-redis==7.0.0'], 'django_redis_cache'),
  python('flask-caching', 'Flask-Caching', ['flask-caching==2.5.1', 'redis'], 'flask_caching_cache'),
  python('python-redis-lock', 'python-redis-lock', ['python-redis-lock==4.0.1'], 'redis_lock_locks'),
  { id: 'asynq', name: 'asynq', language: 'Go', scenario: 'go/asynq' },
  { id: 'redsync', name: 'redsync', language: 'Go', scenario: 'go/redsync' },
  { id: 'redisson', name: 'Redisson', language: 'Java', scenario: 'java/redisson' },
  { id: 'jedis', name: 'Jedis', language: 'Java', scenario: 'java/jedis' },
  {
    id: 'lettuce-cache',
    name: 'Lettuce, client-side cache',
    language: 'Java',
    scenario: 'java/lettuce',
  },
]
