/**
 * What a native command does to the bytes that its key is charged with, as the scripts take it: see
 * charges.lua for the letters.
 */
export type ChargeKind =
  | 'w'
  | 'k'
  | 'l'
  | 'i'
  | 'h'
  | 's'
  | 'z'
  | 'x'
  | 'g'
  | 'o'
  | 'p'
  | 'm'
  | 'f'
  | 'd'
  | 'n'

const COMMANDS: Readonly<Record<Exclude<ChargeKind, 'o'>, readonly string[]>> = {
  w: ['SET', 'SETNX'],
  k: ['PFADD', 'PFMERGE'],
  l: ['LPUSH', 'LPUSHX', 'RPUSH', 'RPUSHX'],
  i: ['LINSERT'],
  h: ['HSET', 'HSETNX'],
  s: ['SADD'],
  z: ['ZADD'],
  x: ['XADD'],
  g: ['XAUTOCLAIM', 'XCLAIM', 'XGROUP CREATE', 'XGROUP CREATECONSUMER', 'XREADGROUP'],
  p: ['LPOP', 'RPOP', 'SPOP'],
  m: ['SREM', 'ZREM'],
  f: [
    ...['HDEL', 'LREM', 'LTRIM', 'ZPOPMAX', 'ZPOPMIN'],
    ...['ZREMRANGEBYLEX', 'ZREMRANGEBYRANK', 'ZREMRANGEBYSCORE'],
    ...['XACK', 'XDEL', 'XGROUP DELCONSUMER', 'XGROUP DESTROY', 'XTRIM'],
  ],
  d: ['DEL', 'GETDEL', 'UNLINK'],
  n: [
    ...['EXPIRE', 'EXPIREAT', 'PEXPIRE', 'PEXPIREAT', 'PERSIST', 'GETEX'],
    ...['XGROUP SETID', 'XSETID', 'ZCARD'],
  ],
}

const KINDS: ReadonlyMap<string, ChargeKind> = new Map(
  Object.entries(COMMANDS).flatMap(([kind, names]) => names.map((name) => [name, kind as ChargeKind])),
)

/**
 * `command` in capitals, with its subcommand after a space. One that is not known here is charged for its
 * arguments.
 */
export const chargeKind = (command: string): ChargeKind => KINDS.get(command) ?? 'o'
