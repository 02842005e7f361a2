import type { Identity } from '../auth/identity.ts'
import { KvError } from '../errors/errors.ts'
import { ConnectionLimit, type ConnectionLimits } from './connection-limit.ts'
import { FailedLogins } from './failed-logins.ts'
import { checkKey, type Key, keyOf, keyOfName, type NamingCommand } from './key-names.ts'
import { type KeySpec, keyIndexes } from './key-spec.ts'
import { type Rate, RateLimit } from './rate-limit.ts'

/**
 * What a token's scope must allow: to change the automation's data, to look at it, or nothing at all (PING).
 */
export type Right = 'kv:write' | 'kv:read' | 'none'

/** What the gate has to know of a command: facts of its row. */
export interface GatedCommand extends NamingCommand {
  readonly right: Right
  readonly keys: KeySpec
}

export interface GateLimits extends ConnectionLimits {
  /** Bytes of a key over RESP, characters over REST. */
  readonly maxKeyLength: number
  /** Keys that one command may name. */
  readonly maxKeysPerCommand: number
  /** Bytes of one argument. */
  readonly maxValueSize: number
  /** Commands of one automation; not limited when unset. */
  readonly rateLimit?: Rate | undefined
}

/**
 * Every request of every door passes here, and every call inside a script, before anything is done for it.
 * What is asked, in this order:
 *
 * 1. who: is anybody logged in (`enter`)
 * 2. validity: does the token still hold (`enter`; revocation is looked up here as well)
 * 3. right: does its scope allow this (`allowRight`)
 * 4. keys: are these names that can be keys, if something may be kept under them (`allowKeys`)
 * 5. budgets: is something left of what the automation may take (`allow`)
 *
 * A refusal is thrown as a KvError; doors answer it, count it and write it to the audit log where they catch
 * it.
 */
export class Gate {
  /** RESP connections that are logged in. */
  readonly connections: ConnectionLimit
  /** Asked by a door before it starts a command. */
  readonly rates: RateLimit
  /** Passed by every token that is not known yet. */
  readonly logins = new FailedLogins()
  private readonly limits: GateLimits

  constructor(limits: GateLimits) {
    this.limits = limits
    this.connections = new ConnectionLimit(limits)
    this.rates = new RateLimit(limits.rateLimit)
  }

  /** Who asks, at `now` in milliseconds since the epoch. Throws `noauth` or `token_expired`. */
  enter(identity: Identity | undefined, now: number): Identity {
    if (identity === undefined) throw new KvError('noauth')
    if (identity.expiresAt <= now) throw new KvError('token_expired')
    return identity
  }

  /**
   * One RESP command of a caller who has entered. Throws `read_only_token`, `too_many_keys`, `key_too_long`
   * or `reserved_key`.
   */
  allow(identity: Identity, command: GatedCommand, args: readonly Buffer[]): void {
    this.allowRight(identity, command.right)
    this.allowKeys(command, args)
  }

  /**
   * One command that a script calls: its arguments have passed no limit of a door. Throws also
   * `value_too_large`.
   */
  allowInScript(identity: Identity, command: GatedCommand, args: readonly Buffer[]): void {
    this.allow(identity, command, args)
    if (args.some(({ length }) => length > this.limits.maxValueSize)) throw new KvError('value_too_large')
  }

  /** Throws `read_only_token`. */
  allowRight(identity: Identity, right: Right): void {
    if (right === 'kv:write' && identity.readOnly) throw new KvError('read_only_token')
  }

  /** Throws `too_many_keys`, `key_too_long` or `reserved_key`. */
  allowKeys(command: GatedCommand, args: readonly Buffer[]): void {
    const { maxKeyLength, maxKeysPerCommand } = this.limits
    const { keys } = command
    // Most commands have one key, in one place.
    if (keys.first === 1 && keys.last === 1 && keys.find === undefined) {
      checkKey(args[1]!, maxKeyLength, command)
      return
    }
    const indexes = keyIndexes(command, args)
    if (indexes.length > maxKeysPerCommand)
      throw new KvError('too_many_keys', {
        used: String(indexes.length),
        allowed: String(maxKeysPerCommand),
        limit: 'AUTOMATION_KV_MAX_KEYS_PER_COMMAND',
      })
    for (const index of indexes) checkKey(args[index]!, maxKeyLength, command)
  }

  /** The key that a REST request names. Throws `invalid_key`. */
  keyOf(text: string): Key {
    return keyOf(text, this.limits.maxKeyLength)
  }

  /** A stored name as REST shows it; undefined for one that REST cannot address. */
  keyOfName(name: Buffer): Key | undefined {
    return keyOfName(name, this.limits.maxKeyLength)
  }
}
