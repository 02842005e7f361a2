import { createSecretKey } from 'node:crypto'
import type { Servers } from '../app/app.ts'
import type { Bootstrapped } from '../app/bootstrap.ts'
import type { Config } from '../config/load.ts'

/** A key is an object of its process only; its bytes can be sent. */
export type SentConfig = Omit<Config, 'encryptionKeys'> & {
  readonly encryptionKeys: ReadonlyArray<{ readonly kid: string; readonly bytes: Uint8Array }> | undefined
}

export const pack = ({ encryptionKeys, ...rest }: Config): SentConfig => ({
  ...rest,
  encryptionKeys: encryptionKeys?.map(({ kid, root }) => ({ kid, bytes: root.export() })),
})

export const unpack = ({ encryptionKeys, ...rest }: SentConfig): Config => ({
  ...rest,
  encryptionKeys: encryptionKeys?.map(({ kid, bytes }) => ({ kid, root: createSecretKey(bytes) })),
})

export type ToWorker =
  | {
      readonly type: 'start'
      readonly number: number
      readonly config: SentConfig
      readonly bootstrapped: Bootstrapped
    }
  | { readonly type: 'problem?' }

export type FromWorker =
  /** It hears messages from now on: what was sent before was lost. */
  | { readonly type: 'loaded' }
  | { readonly type: 'listening'; readonly ports: Servers['ports'] }
  | { readonly type: 'failed'; readonly problem: string }
  /** Why it cannot serve, if so. */
  | { readonly type: 'problem'; readonly problem: string | undefined }
