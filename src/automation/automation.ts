import { LRUCache } from 'lru-cache'
import { BackingKey } from './backing-key.ts'
import type { Keyring } from './keyring.ts'
import { Sealer } from './sealer.ts'

/**
 * One automation's part of the backing Redis and its keys. Every name starts with `kv:{<automation_id>}:`;
 * the braces are a Cluster hash tag, so all of an automation lies in one slot. User keys are under `k:`,
 * bookkeeping under other letters, so that no user key can collide with it. Source:
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
 */
export class Automation {
  readonly id: string
  readonly sealer: Sealer
  /** Prefix of the data keys. */
  readonly prefix: Buffer
  /** Counter of write requests. */
  readonly versionKey: string
  /** Hash: name -> `created:updated:version:expires`. */
  readonly indexKey: string
  /** Channel of the names of keys that blocked clients wait for, when something came. */
  readonly wakeChannel: string
  /** Channel of the keys that changed, while clients track keys. */
  readonly changesChannel: string
  /** Channel of all pub/sub messages. */
  readonly messageChannel: string
  /** Hash: process -> the channels that its clients listen to. */
  readonly listenersKey: string
  /** Changes with that hash. */
  readonly listenersStampKey: string
  /** Hash: id -> library of functions, and what is told of all of them. */
  readonly librariesKey: string
  /** Which events of its keys it wants to be told of. */
  readonly eventsKey: string
  /** Prefix of the outcomes that are kept for retries. */
  readonly outcomePrefix: string

  constructor(id: string, sealer: Sealer) {
    this.id = id
    this.sealer = sealer
    this.prefix = Buffer.from(`kv:{${id}}:k:`)
    this.versionKey = `kv:{${id}}:v`
    this.indexKey = `kv:{${id}}:i`
    this.wakeChannel = `kv:{${id}}:w`
    this.changesChannel = `kv:{${id}}:m`
    this.messageChannel = `kv:{${id}}:p`
    this.listenersKey = `kv:{${id}}:l`
    this.listenersStampKey = `kv:{${id}}:n`
    this.librariesKey = `kv:{${id}}:f`
    this.eventsKey = `kv:{${id}}:c`
    this.outcomePrefix = `kv:{${id}}:r:`
  }

  /** The name in the backing Redis of the user's key `name`. */
  key(name: Buffer): BackingKey {
    return new BackingKey(this.prefix, name)
  }
}

/**
 * Automations in use, with their derived keys and cached headers: deriving them again for each connection
 * would cost more than a command.
 */
export class Automations {
  private readonly cache: LRUCache<string, Automation>
  private readonly keyring: Keyring

  constructor(keyring: Keyring, max = 10_000) {
    this.keyring = keyring
    this.cache = new LRUCache({ max })
  }

  get(id: string): Automation {
    let automation = this.cache.get(id)
    if (automation === undefined) {
      automation = new Automation(id, new Sealer(this.keyring.automation(id)))
      this.cache.set(id, automation)
    }
    return automation
  }
}
