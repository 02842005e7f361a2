/**
 * Only for test/reliability: `AUTOMATION_KV_TEST_CRASH=<script>[|<script>...]:before|after:<n>` ends this
 * process as `kill -9` would, before its n-th run of one of these scripts is sent, or when its answer is
 * here. Read once, and never in production.
 */
const asked = process.env.NODE_ENV === 'production' ? undefined : process.env.AUTOMATION_KV_TEST_CRASH
const wish = /^([\w|]+):(before|after):(\d+)$/.exec(asked ?? '')
const scripts = wish?.[1]?.split('|') ?? []
let left = Number(wish?.[3])

export const crashPoint: ((script: string, moment: 'before' | 'after') => void) | undefined =
  wish === null
    ? undefined
    : (script, moment) => {
        if (scripts.includes(script) && moment === wish[2] && --left === 0)
          process.kill(process.pid, 'SIGKILL')
      }
