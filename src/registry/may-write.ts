import type { Row } from './row.ts'

/**
 * What CLIENT PAUSE WRITE holds back: what writes, what Redis passes on to replicas, scripts that may write,
 * and EXEC when any of that is queued.
 */
export const mayWrite = (row: Row, queued: readonly Row[] = []): boolean =>
  row.flags.includes('write') ||
  row.flags.includes('may_replicate') ||
  (row.kind === 'data' && row.script !== undefined && !row.flags.includes('readonly')) ||
  (row.kind === 'connection' && row.endsTransaction === true && queued.some((each) => mayWrite(each)))
