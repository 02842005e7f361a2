import { type CommandGroup, NO_KEYS, type RefusedRow } from '../registry/row.ts'

const refused = (group: CommandGroup, reason: string, names: string): RefusedRow[] =>
  names.split(' ').map((name) => ({
    kind: 'refused',
    name,
    arity: -1,
    flags: [],
    group,
    since: '',
    complexity: '',
    summary: '',
    syntax: '',
    keys: NO_KEYS,
    right: 'none',
    reason,
  }))

/** Commands of Redis that are not offered, each with the reason that its caller is told. */
export const REFUSED: readonly RefusedRow[] = [
  ...refused(
    'server',
    'server administration belongs to the operator',
    'acl bgrewriteaof bgsave debug failover lastsave module save shutdown swapdb',
  ),
  ...refused('server', 'replication belongs to the operator', 'psync replconf replicaof slaveof sync'),
  ...refused('server', 'the server is one node to its clients', 'asking cluster restore-asking'),
  ...refused('generic', 'nothing leaves for another server', 'migrate'),
  ...refused('generic', 'there is only database 0', 'move'),
  ...refused('server', 'the module API is not offered', 'pfdebug pfselftest'),
  ...refused(
    'sorted-set',
    'coordinates would be stored in the clear',
    'geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore',
  ),
]

/** Subcommands of served containers that are not offered. */
export const REFUSED_SUBCOMMANDS: Readonly<Record<string, string>> = {
  'config|rewrite': 'server administration belongs to the operator',
  'config|resetstat': 'server administration belongs to the operator',
  'latency|graph': 'latency is not monitored for automations',
  'latency|histogram': 'commands are not measured for each automation',
  'memory|malloc-stats': 'the memory of the process is shared by all',
  'memory|purge': 'the memory of the process is shared by all',
  'script|debug': 'debugging would hold up everybody',
  'command|getkeysandflags': 'use COMMAND GETKEYS',
}
