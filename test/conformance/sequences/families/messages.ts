import { templates } from '../words.ts'

export const MESSAGES = templates(`
  6 PUBLISH channel message
  3 SPUBLISH channel message
  1 PUBSUB NUMSUB channel channel
  1 PUBSUB SHARDNUMSUB channel
  1 PUBSUB NUMPAT
`)
