import type { App } from '../app/app.ts'
import type { Config } from '../config/load.ts'

/** What a newcomer reads after the start: where it listens, a token to try, and commands to paste. */
export function banner(config: Config, app: App, automation: string, token: string): string {
  const resp = `${config.respHost}:${app.ports.resp}`
  const api = `http://${config.httpHost}:${app.ports.http}/api/automation`
  const data = app.embedded ? `embedded Redis, kept in ${config.dataDir}` : 'the Redis of REDIS_URL'
  return `
automation-kv is running.

  Redis clients   ${resp}
  REST            ${api}/v1/kv    documentation: ${api}/docs
  Operator        http://${config.adminHost}:${app.ports.admin}/livez
  Data            ${data}

A token for the automation "${automation}", good for 24 hours (development only):

  export AUTOMATION_KV_TOKEN=${token}

Then paste:

  redis-cli -h ${config.respHost} -p ${app.ports.resp} --no-auth-warning -a "$AUTOMATION_KV_TOKEN" SET greeting hello

  curl -H "Authorization: Bearer $AUTOMATION_KV_TOKEN" ${api}/v1/kv/greeting

  python3 -c 'import os, redis; r = redis.Redis(host="${config.respHost}", port=${app.ports.resp}, password=os.environ["AUTOMATION_KV_TOKEN"]); print(r.get("greeting"))'

Ctrl-C stops the server; the data stays.
`
}
