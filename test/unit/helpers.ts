import { type Automation, Automations } from '../../src/automation/automation.ts'
import { Keyring } from '../../src/automation/keyring.ts'
import {
  Backing,
  type BackingArg,
  type BackingCallback,
  type BackingReply,
} from '../../src/backing/single-node.ts'
import type { KeyState } from '../../src/engine/plaintext/database.ts'
import { StoredKey } from '../../src/engine/plaintext/snapshot.ts'
import type { Value } from '../../src/engine/plaintext/values.ts'

const automations = new Automations(
  Keyring.fromSettings({ secret: 'a-secret-for-tests-only-of-at-least-32-bytes' }),
)

export const automationOf = (id = 'tested'): Automation => automations.get(id)

/** A key as a snapshot reads it, all of it. `expireAt` in milliseconds since the epoch, 0 without a TTL. */
export const storedKey = (
  automation: Automation,
  name: Buffer,
  type: string,
  data: BackingReply,
  { expireAt = 0, version = 7 }: { expireAt?: number; version?: number } = {},
): StoredKey =>
  new StoredKey(
    automation,
    { name, extent: 'all' },
    [
      type === 'none' ? null : Buffer.from(`1000:2000:${version}:${expireAt}`),
      Buffer.from(type),
      data,
      Buffer.from('0'),
    ],
    5_000,
  )

export const stateOf = (
  name: Buffer,
  value: Value | undefined,
  changed: Partial<KeyState> = {},
): KeyState => ({
  name,
  value,
  expireAt: 0,
  fresh: false,
  replaced: false,
  changedBy: 0,
  ...changed,
})

/** A backing Redis that is never connected to: it notes the scripts that are sent, for the test to answer. */
export class RecordingBacking extends Backing {
  readonly scripts: Array<{
    readonly script: string
    readonly args: readonly BackingArg[]
    readonly answer: BackingCallback
  }> = []

  constructor() {
    const log = { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false }
    super({ url: 'redis://127.0.0.1:1', commandTimeoutMs: 1_000, log })
  }

  override script(...[script, , args, answer]: Parameters<Backing['script']>): void {
    this.scripts.push({ script: script.name, args, answer })
  }
}
