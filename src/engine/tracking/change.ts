/** A key that changed, or whose time was over. */
export interface Change {
  readonly name: Buffer
  /** The automation's version after the write request that changed it; 0 when it was none. */
  readonly version: number
  /** Other requests changed it together with that one. */
  readonly isShared: boolean
  /** When it expires now, by the clock of the backing Redis; 0: never, or it is gone. */
  readonly expires: number
}

const COLON = 0x3a
const PLUS = 0x2b
/** See changes.lua. */
const EVERYTHING = 0x2a

/** By no write request: its time was over, or it is not known whether it changed. */
export const withoutRequest = (name: Buffer): Change => ({ name, version: 0, isShared: false, expires: 0 })

/** Undefined: everything was deleted. Names are slices of the message. Throws when it cannot be read. */
export function decodeChanges(message: Buffer): Change[] | undefined {
  if (message[0] === EVERYTHING) return undefined
  const changes: Change[] = []
  let at = message.indexOf(COLON) + 1
  if (at === 0) throw new Error('a message of changes could not be read')
  while (at < message.length) {
    const versionAt = message.indexOf(COLON, at) + 1
    const expiresAt = message.indexOf(COLON, versionAt) + 1
    const nameAt = message.indexOf(COLON, expiresAt) + 1
    const end = nameAt + Number(message.toString('latin1', at, versionAt - 1))
    if (versionAt === 0 || expiresAt === 0 || nameAt === 0 || !(end <= message.length))
      throw new Error('a message of changes could not be read')
    const isShared = message[expiresAt - 2] === PLUS
    changes.push({
      name: message.subarray(nameAt, end),
      version: Number(message.toString('latin1', versionAt, expiresAt - (isShared ? 2 : 1))),
      isShared,
      expires: Number(message.toString('latin1', expiresAt, nameAt - 1)),
    })
    at = end
  }
  return changes
}
