import { templates } from '../words.ts'

export const CONNECTION = templates(`
  2 PING [message]
  2 ECHO message
  1 SELECT 0
  1 SELECT index
  1 TIME
  1 NOSUCHCOMMAND
`)
