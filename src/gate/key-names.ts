import { KvError } from '../errors/errors.ts'

const DOLLAR = 0x24

/** RESP keys are binary-safe; only length and the reserved `$` are checked. Throws `reserved_key` or `key_too_long`. */
export function checkKey(name: Buffer, maxBytes: number): void {
  if (name.length > maxBytes) throw new KvError('key_too_long')
  if (name[0] === DOLLAR) throw new KvError('reserved_key')
}
