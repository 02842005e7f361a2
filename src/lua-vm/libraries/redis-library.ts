import { createHash } from 'node:crypto'
import { KvError, type PlainCode, respText } from '../../errors/errors.ts'
import { formatDouble } from '../../redis-semantics/floats.ts'
import { ErrorReply, type Reply } from '../../reply/reply.ts'
import type { ReplyPusher, ScriptProtocol } from '../conversion/to-lua.ts'
import { type LuaState, LuaType } from '../machine/lua-api.ts'
import type { Library, LuaMachine, NativeFunction } from '../machine/machine.ts'

/** What a script may do to the world. Throws KvError for what a command refuses. */
export interface ScriptHost {
  call(args: readonly Buffer[]): Reply
  /** Whether `redis.acl_check_cmd` says yes; undefined when there is no such command. */
  allows(args: readonly Buffer[]): boolean | undefined
}

/** Host and reply form of the script that runs. */
export interface RunState {
  host: ScriptHost | undefined
  protocol: ScriptProtocol
}

const VERSION = '7.0.15'
const VERSION_NUMBER = 0x00_07_00_0f

/** The first word of a message is its code; a message of one word gets `ERR`. */
function withCode(message: string): string {
  let end = message.length
  // Not by an expression: one for the end of a text is tried at each line end in it.
  while (end > 0 && (message[end - 1] === '\n' || message[end - 1] === '\r')) end--
  const trimmed = message.slice(message.startsWith('-') && end > 0 ? 1 : 0, end)
  return trimmed.includes(' ') ? trimmed : `ERR ${trimmed}`
}

const LEVELS = { LOG_DEBUG: 0, LOG_VERBOSE: 1, LOG_NOTICE: 2, LOG_WARNING: 3 }
const REPLICATION = { REPL_NONE: 0, REPL_AOF: 1, REPL_SLAVE: 2, REPL_REPLICA: 2, REPL_ALL: 3 }

/**
 * The arguments of redis.call as Redis reads them: strings, and numbers with 17 digits. Undefined when one
 * is neither.
 */
function argumentsOf({ api, text }: LuaMachine, L: LuaState): Buffer[] | undefined {
  const count = api.lua_gettop(L)
  const args: Buffer[] = []
  for (let i = 1; i <= count; i++) {
    const type = api.lua_type(L, i)
    if (type === LuaType.NUMBER) args.push(Buffer.from(formatDouble(api.lua_tonumber(L, i))))
    else if (type === LuaType.STRING) args.push(text.read(L, i))
    else return undefined
  }
  return args
}

function checked(machine: LuaMachine, L: LuaState): Buffer[] | PlainCode {
  if (machine.api.lua_gettop(L) === 0) return 'script_no_call'
  return argumentsOf(machine, L) ?? 'script_call_types'
}

/** What the command answers, an error of the script's own included. */
function attempt(machine: LuaMachine, { host }: RunState, L: LuaState): Reply {
  machine.heap.checkTime()
  const args = checked(machine, L)
  if (typeof args === 'string') return new ErrorReply(respText(args))
  try {
    return host!.call(args)
  } catch (error) {
    if (error instanceof KvError) return new ErrorReply(error.respText)
    throw error
  } finally {
    machine.heap.checkTime()
  }
}

/** The only argument, when it is a string. */
function oneString({ api, text, heap }: LuaMachine, L: LuaState): Buffer | undefined {
  if (api.lua_gettop(L) !== 1 || api.lua_type(L, 1) !== LuaType.STRING) return undefined
  const bytes = text.read(L, 1)
  heap.work(bytes.length >> 6)
  return bytes
}

/**
 * The `redis` table of scripts. Source:
 * https://redis.io/docs/latest/develop/interact/programmability/lua-api/
 */
export function redisLibrary(
  machine: LuaMachine,
  pusher: ReplyPusher,
  state: RunState,
  register: NativeFunction,
): Library {
  const { api, text } = machine

  const command =
    (raises: boolean) =>
    (L: LuaState): number => {
      const reply = attempt(machine, state, L)
      if (!(reply instanceof ErrorReply)) {
        pusher.push(L, reply, state.protocol)
        return 1
      }
      pusher.pushError(L, reply.text, true)
      return raises ? api.lua_error(L) : 1
    }

  /** Raises an error as Redis's luaPushError and luaError do: a table with the message. */
  const fail = (L: LuaState, code: PlainCode): number => {
    pusher.pushError(L, respText(code), false)
    return api.lua_error(L)
  }

  return {
    ...LEVELS,
    ...REPLICATION,
    REDIS_VERSION: VERSION,
    REDIS_VERSION_NUM: VERSION_NUMBER,
    // The prelude gives it to libraries only.
    register_function: register,
    call: command(true),
    pcall: command(false),
    error_reply: (L) => {
      const message = oneString(machine, L)
      pusher.pushError(
        L,
        message === undefined ? respText('script_reply_arguments') : withCode(upToZero(message)),
        false,
      )
      return 1
    },
    status_reply: (L) => {
      const message = oneString(machine, L)
      if (message === undefined) pusher.pushError(L, respText('script_reply_arguments'), false)
      else pusher.pushStatus(L, message)
      return 1
    },
    sha1hex: (L) => {
      if (api.lua_gettop(L) !== 1) return fail(L, 'script_sha1hex')
      const bytes = text.view(L, 1)
      machine.heap.work(bytes.length >> 6)
      text.pushLatin1(L, createHash('sha1').update(bytes).digest('hex'))
      return 1
    },
    // Goes nowhere: a script's message may hold the automation's data, which no log may have.
    log: (L) => {
      if (api.lua_gettop(L) < 2) return fail(L, 'script_log_arguments')
      if (api.lua_type(L, 1) !== LuaType.NUMBER) return fail(L, 'script_log_level_type')
      const level = Math.trunc(api.lua_tonumber(L, 1))
      return level < 0 || level > 3 ? fail(L, 'script_log_level') : 0
    },
    setresp: (L) => {
      if (api.lua_gettop(L) !== 1) return fail(L, 'script_setresp')
      const version = Math.trunc(api.lua_tonumber(L, 1))
      if (version !== 2 && version !== 3) return fail(L, 'script_resp_version')
      state.protocol = version
      return 0
    },
    set_repl: (L) => {
      if (api.lua_gettop(L) !== 1) return fail(L, 'script_set_repl')
      const flags = Math.trunc(api.lua_tonumber(L, 1))
      return flags < 0 || flags > 3 ? fail(L, 'script_repl_flags') : 0
    },
    replicate_commands: (L) => {
      api.lua_pushboolean(L, 1)
      return 1
    },
    breakpoint: (L) => {
      api.lua_pushboolean(L, 0)
      return 1
    },
    debug: () => 0,
    acl_check_cmd: (L) => {
      const args = checked(machine, L)
      if (typeof args === 'string') return fail(L, args)
      const allowed = state.host!.allows(args)
      if (allowed === undefined) return fail(L, 'script_acl_command')
      api.lua_pushboolean(L, allowed ? 1 : 0)
      return 1
    },
  }
}

/** C's `%s`: up to the first zero. Line ends stay until the message becomes a reply. */
const upToZero = (bytes: Buffer): string => {
  const end = bytes.indexOf(0)
  return (end < 0 ? bytes : bytes.subarray(0, end)).toString()
}
