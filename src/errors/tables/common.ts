import { refusal, row } from './rows.ts'

/** Redis's own texts that commands of several groups share. */
export const COMMON = {
  syntax: row('ERR syntax error', 400, 'invalid_request'),
  wrong_type: row('WRONGTYPE Operation against a key holding the wrong kind of value', 400, 'type_mismatch', {
    rest: 'the value has another type than this operation needs',
  }),
  not_integer: row('ERR value is not an integer or out of range', 400, 'type_mismatch', {
    rest: 'the value is not an integer',
  }),
  not_float: row('ERR value is not a valid float', 400, 'type_mismatch'),
  overflow: row('ERR increment or decrement would overflow', 400, 'type_mismatch', {
    rest: 'the result does not fit in 64 bits',
  }),
  decr_overflow: row('ERR decrement would overflow', 400, 'type_mismatch'),
  nan_or_infinity: row('ERR increment would produce NaN or Infinity', 400, 'type_mismatch'),
  no_such_key: row('ERR no such key', 404, 'key_not_found', { rest: 'the key does not exist' }),
  index_out_of_range: row('ERR index out of range', 400, 'invalid_request'),
  offset_out_of_range: row('ERR offset is out of range', 400, 'invalid_request'),
  invalid_cursor: row('ERR invalid cursor', 400, 'invalid_request'),
  // The command and its number of arguments
  unknown_command: refusal("ERR unknown command '{command}', with args beginning with: "),
  unknown_subcommand: refusal("ERR unknown subcommand '{subcommand}'. Try {command} HELP."),
  wrong_subcommand: refusal(
    "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try {command} HELP.",
  ),
  wrong_arity: refusal("ERR wrong number of arguments for '{command}' command"),
  not_offered: refusal("NOPERM '{command}' is not offered: {reason}"),
  // Numbers
  out_of_range: refusal('ERR value is out of range'),
  not_positive: refusal('ERR value is out of range, must be positive'),
  not_between: refusal('ERR value is out of range, value must between {least} and {most}'),
  count_not_positive: refusal('ERR count should be greater than 0'),
  limit_negative: refusal("ERR LIMIT can't be negative"),
  numkeys_not_positive: refusal('ERR numkeys should be greater than 0'),
  numkeys_too_large: refusal("ERR Number of keys can't be greater than number of args"),
  numkeys_negative: refusal("ERR Number of keys can't be negative"),
  // Times
  invalid_expire: refusal("ERR invalid expire time in '{command}' command"),
  timeout_not_integer: refusal('ERR timeout is not an integer or out of range'),
  timeout_not_float: refusal('ERR timeout is not a float or out of range'),
  timeout_negative: refusal('ERR timeout is negative'),
} as const
