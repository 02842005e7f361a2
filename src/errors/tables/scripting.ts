import { refusal } from './rows.ts'

/** Of EVAL and SCRIPT. */
const COMMANDS = {
  no_script: refusal('NOSCRIPT No matching script. Please use EVAL.', 404, 'key_not_found'),
  script_compile: refusal('ERR Error compiling script (new function): {message}'),
  script_failed: refusal('ERR Error running script {sha1}, {message}'),
  script_killed: refusal(
    'ERR Error running script {sha1}, the script was killed: {reason}; nothing was written',
  ),
  scripts_too_slow: refusal(
    'TRYAGAIN slow scripts of this automation used up its time; nothing was written',
    503,
    'unavailable',
  ),
  compute_ended: refusal(
    'TRYAGAIN the command took too long to compute and was ended; nothing was written',
    503,
    'unavailable',
    'warn',
  ),
  reads_too_slow: refusal(
    'TRYAGAIN reading keys that were not declared took longer than {allowed} ms; nothing was written',
    503,
    'unavailable',
    'info',
  ),
  reads_too_many: refusal(
    'ERR more than {allowed} keys were read that were not declared; nothing was written',
  ),
  reads_too_large: refusal(
    'ERR the keys that were not declared have more than {allowed} bytes; nothing was written',
  ),
  reply_too_large: refusal(
    'ERR the replies are larger than {allowed} bytes together; nothing was written',
    413,
    'value_too_large',
  ),
  script_writes: refusal('ERR Can not execute a script with write flag using *_ro command.'),
  script_flush_mode: refusal('ERR SCRIPT FLUSH only support SYNC|ASYNC option'),
  shebang: refusal('ERR Invalid script shebang'),
  shebang_engine: refusal('ERR Unexpected engine in script shebang: {engine}'),
  shebang_option: refusal('ERR Unknown lua shebang option: {option}'),
  shebang_flag: refusal('ERR Unexpected flag in script shebang: {flag}'),
} as const

/** What a script is told. */
const WITHIN = {
  script_unknown_command: refusal('ERR Unknown Redis command called from script'),
  script_wrong_arity: refusal('ERR Wrong number of args calling Redis command from script'),
  script_not_allowed: refusal('ERR This Redis command is not allowed from script'),
  script_read_only: refusal('ERR Write commands are not allowed from read-only scripts.'),
  script_no_call: refusal('ERR Please specify at least one argument for this redis lib call'),
  script_call_types: refusal('ERR Lua redis lib command arguments must be strings or integers'),
  script_reply_arguments: refusal('ERR wrong number or type of arguments'),
  script_reply_depth: refusal('ERR reached lua stack limit'),
  script_error_object: refusal('ERR (error object is not a string)'),
  script_sha1hex: refusal('ERR wrong number of arguments'),
  script_log_arguments: refusal('ERR redis.log() requires two arguments or more.'),
  script_log_level_type: refusal('ERR First argument must be a number (log level).'),
  script_log_level: refusal('ERR Invalid debug level.'),
  script_setresp: refusal('ERR redis.setresp() requires one argument.'),
  script_resp_version: refusal('ERR RESP version must be 2 or 3.'),
  /** Redis's text does say two. */
  script_set_repl: refusal('ERR redis.set_repl() requires two arguments.'),
  script_repl_flags: refusal(
    'ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.',
  ),
  script_acl_command: refusal('ERR Invalid command passed to redis.acl_check_cmd()'),
} as const

export const SCRIPTING = { ...COMMANDS, ...WITHIN } as const
