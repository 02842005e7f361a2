import { type Automation, Automations } from '../../src/automation/automation.ts'
import { Keyring } from '../../src/automation/keyring.ts'
import type { Backing, BackingCallback, BackingReply, ScriptArg } from '../../src/backing/backing.ts'
import type { KeyState } from '../../src/engine/plaintext/database.ts'
import { StoredKey } from '../../src/engine/plaintext/stored-key.ts'
import type { Unseen, Value } from '../../src/engine/plaintext/values.ts'

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
  value: Value | Unseen | undefined,
  changed: Partial<KeyState> = {},
): KeyState => ({
  name,
  value,
  expireAt: 0,
  fresh: false,
  replaced: false,
  changedBy: 0,
  changedBySeveral: false,
  ...changed,
})

/** A backing Redis that is nowhere: it notes the scripts that are sent, for the test to answer. */
export class RecordingBacking implements Backing {
  readonly ready = true
  readonly version = '7.0.15'
  readonly scripts: Array<{
    readonly script: string
    readonly args: readonly ScriptArg[]
    readonly answer: BackingCallback
  }> = []

  connect = (): Promise<void> => Promise.resolve()
  close = (): Promise<void> => Promise.resolve()
  onLoss = (): void => {}

  probe(done: (error: Error | null) => void): void {
    done(null)
  }

  read(): void {
    throw new Error('nothing is read here')
  }

  call(): Promise<BackingReply> {
    throw new Error('nothing is asked here')
  }

  script(...[, script, , args, answer]: Parameters<Backing['script']>): void {
    this.scripts.push({ script: script.name, args, answer })
  }
}
