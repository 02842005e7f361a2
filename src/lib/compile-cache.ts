import { mkdirSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** https://nodejs.org/api/module.html#moduleenablecompilecachecachedir, since Node 22.1. */
interface CompileCaching {
  enableCompileCache?(folder: string): { status: number; message?: string; directory?: string }
  constants?: { compileCacheStatus?: { FAILED: number } }
}

export interface CompileCache {
  /** Where it is, for processes that this one starts. */
  readonly folder?: string | undefined
  /** Why there is none; not set where Node has none to offer. */
  readonly problem?: string | undefined
}

/** Of this user alone: anyone who can write there can run code in the server. */
const privateFolder = (): string => {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'automation-kv')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}

const enable = (): CompileCache => {
  const { enableCompileCache, constants } = module as unknown as CompileCaching
  if (enableCompileCache === undefined) return {}
  try {
    const { status, message, directory } = enableCompileCache(privateFolder())
    return status === constants?.compileCacheStatus?.FAILED ? { problem: message } : { folder: directory }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** Compiled code kept from one start to the next. It serves what is imported after this module. */
export const compileCache = enable()
