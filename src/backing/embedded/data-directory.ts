import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** sun_path holds 104 bytes on macOS and 108 on Linux (unix(7)). */
const MAX_SOCKET_PATH = 100
const SECRET_FILE = 'secret'
const MIN_SECRET_BYTES = 32

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/**
 * Makes the data directory (mode 0700). One that was there before is only narrowed when it is empty or
 * already ours.
 */
export function prepareDataDir(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const entries = readdirSync(dataDir)
  if (entries.length === 0 || entries.includes(SECRET_FILE) || entries.includes('appendonlydir'))
    chmodSync(dataDir, 0o700)
  return realpathSync(dataDir)
}

/**
 * The secret kept in the data directory, made on first use. It is on the disk before it is used, since what
 * is sealed with a lost secret is lost.
 */
export function ensureSecret(dataDir: string): string {
  const folder = prepareDataDir(dataDir)
  const path = join(folder, SECRET_FILE)
  const kept = readSecret(path)
  if (kept !== undefined) return kept
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    writeSync(file, `${randomBytes(48).toString('base64url')}\n`)
    fsyncSync(file)
    // A link never replaces: of two processes that start at once, both end with the secret of the first.
    linkSync(draft, path)
    syncFolder(folder)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    closeSync(file)
    unlinkSync(draft)
  }
  return readSecret(path) ?? ensureSecret(dataDir)
}

const readSecret = (path: string): string | undefined => {
  try {
    const secret = readFileSync(path, 'utf8').trim()
    if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
      throw new Error(
        `${path} is damaged: it holds less than ${MIN_SECRET_BYTES} bytes. Restore it: what it sealed cannot be read without it`,
      )
    }
    if ((lstatSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
    return secret
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const syncFolder = (folder: string): void => {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/**
 * Where a socket of this data directory lies: in it, or under the temporary directory when its path would be
 * too long.
 */
export function socketPath(dataDir: string, name: string): string {
  const path = join(dataDir, name)
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path
  const uid = process.getuid?.() ?? 0
  const folder = join(
    tmpdir(),
    `automation-kv-${uid}-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`,
  )
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { mode, uid: owner } = lstatSync(folder)
  // The name can be guessed: a folder that someone else put there must not be trusted with our sockets.
  if (!lstatSync(folder).isDirectory() || owner !== uid || (mode & 0o077) !== 0) {
    throw new Error(
      `${folder} must be a directory of this user with mode 0700; remove it or choose a shorter AUTOMATION_KV_DATA_DIR`,
    )
  }
  return join(folder, name)
}

/**
 * Lets one process at a time use the data directory. The lock is a listening socket, because the kernel ends
 * it with its process: a pid file survives kill -9, and pids are reused. Anyone who connects is told the pid.
 */
export async function lockDataDir(dataDir: string): Promise<{ release(): Promise<void> }> {
  const path = socketPath(dataDir, 'lock')
  const draft = socketPath(dataDir, `lock.${randomBytes(3).toString('hex')}`)
  const server = await listen(draft)
  try {
    const inode = await linkLock(draft, path, dataDir)
    return {
      release: () => {
        if (inodeOf(path) === inode) unlinkSync(path)
        return close(server)
      },
    }
  } catch (error) {
    await close(server)
    throw error
  } finally {
    if (inodeOf(draft) !== undefined) unlinkSync(draft)
  }
}

/**
 * A link neither replaces nor is seen before the socket listens; the socket keeps living under its second
 * name.
 */
const linkLock = async (draft: string, path: string, dataDir: string): Promise<number | undefined> => {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      linkSync(draft, path)
      return inodeOf(path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const before = inodeOf(path)
    const holder = await askHolder(path)
    if (holder !== undefined) {
      throw new Error(
        `another automation-kv server${holder === '' ? '' : ` (pid ${holder})`} uses the data directory ${dataDir}: ` +
          'stop it first, or give this one a directory of its own with AUTOMATION_KV_DATA_DIR',
      )
    }
    // Only the dead socket that was asked may go, not one that another process put there meanwhile.
    if (before !== undefined && inodeOf(path) === before) unlinkSync(path)
  }
  throw new Error(`cannot lock the data directory ${dataDir}: ${path} keeps changing`)
}

const inodeOf = (path: string): number | undefined => lstatSync(path, { throwIfNoEntry: false })?.ino

const listen = (path: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(`${process.pid}`)
    })
    server.once('error', reject)
    server.listen(path, () => {
      server.unref()
      resolve(server)
    })
  })

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

/** The pid of a living holder, '' when it does not say, `undefined` when nobody listens. */
const askHolder = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    let answer = ''
    const socket = connect(path)
    socket.setTimeout(1000, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.once('connect', () => socket.once('close', () => resolve(answer)))
    socket.once('error', (error) =>
      resolve(['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '') ? undefined : answer),
    )
  })
