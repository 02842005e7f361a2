import { KvError } from '../../../src/errors/errors.ts'
import type { ScriptEngine, ScriptHost, ScriptLimits } from '../../../src/lua-vm/engine.ts'
import { readScript } from '../../../src/lua-vm/script.ts'
import { ErrorReply, type Reply } from '../../../src/reply/reply.ts'

export const LIMITS: ScriptLimits = { timeLimitMs: 200, memoryLimitBytes: 16 * 1024 * 1024 }

/** Answers a command with its arguments. */
const echo: ScriptHost = { call: (args) => args.slice(1), allows: () => true }

/** Compiles and runs a script; whatever is thrown is given as the error that a client would see. */
export function evaluate(
  engine: ScriptEngine,
  source: string | Buffer,
  {
    keys = [],
    args = [],
    host = echo,
    limits = LIMITS,
  }: { keys?: Buffer[]; args?: Buffer[]; host?: ScriptHost; limits?: ScriptLimits } = {},
): Reply {
  try {
    const script = readScript(Buffer.from(source as string))
    engine.compile(script, limits)
    return engine.run(script, { keys, args, host, atomically: (run) => run() }, limits)
  } catch (error) {
    if (error instanceof KvError) return new ErrorReply(error.respText)
    throw error
  }
}

/** A reply as plain text, for comparing. */
export const shown = (reply: Reply): string =>
  reply instanceof Uint8Array
    ? (reply as Buffer).toString('latin1')
    : reply instanceof ErrorReply
      ? `-${reply.text}`
      : Array.isArray(reply)
        ? `[${reply.map(shown).join(',')}]`
        : String(reply)
