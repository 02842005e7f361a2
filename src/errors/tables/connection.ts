import { refusal, row } from './rows.ts'

/** Redis's texts about the connection, its transaction and its subscriptions. */
export const CONNECTION = {
  db_index: row('ERR DB index is out of range', 400, 'invalid_request'),
  noauth: row('NOAUTH Authentication required.', 401, 'unauthorized', { rest: 'a bearer token is needed' }),
  wrongpass: row('WRONGPASS invalid username-password pair or user is disabled.', 401, 'unauthorized', {
    level: 'info',
    rest: 'the token is not valid',
  }),
  noproto: row('NOPROTO unsupported protocol version', 400, 'invalid_request'),
  protocol: refusal('ERR Protocol error: {reason}'),
  too_many_clients: refusal('ERR max number of clients reached', 503, 'unavailable'),
  too_many_of_automation: refusal(
    'ERR max number of clients of this automation reached ({used} of {allowed})',
    503,
    'unavailable',
    'info',
  ),
  too_many_logins: refusal('ERR max number of unauthenticated clients reached', 503, 'unavailable'),
  // HELLO, CLIENT and COMMAND
  protocol_version: refusal('ERR Protocol version is not an integer or out of range'),
  hello_option: refusal('ERR Syntax error in HELLO option'),
  hello_noauth: refusal(
    'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    401,
    'unauthorized',
  ),
  client_name: refusal('ERR {what} cannot contain spaces, newlines or special characters.'),
  client_type: refusal("ERR Unknown client type '{word}'"),
  client_id: refusal('ERR Invalid client ID'),
  kill_id: refusal('ERR client-id should be greater than 0'),
  no_such_client: refusal('ERR No such client'),
  no_such_user: refusal("ERR No such user '{word}'"),
  pause_mode: refusal('ERR CLIENT PAUSE mode must be WRITE or ALL'),
  /** Redis has no limit. */
  pause_too_long: refusal('ERR a pause may last {allowed} milliseconds at most'),
  client_option: refusal('ERR Unrecognized option'),
  unblock_reason: refusal('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR'),
  unblocked: refusal('UNBLOCKED client unblocked via CLIENT UNBLOCK'),
  tracking_redirects: refusal('ERR A client can only redirect to a single other client'),
  tracking_redirect: refusal('ERR The client ID you want redirect to does not exist'),
  tracking_prefix: refusal('ERR PREFIX option requires BCAST mode to be enabled'),
  tracking_broadcast_mode: refusal(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
  ),
  tracking_broadcast_options: refusal('ERR OPTIN and OPTOUT are not compatible with BCAST'),
  tracking_both_options: refusal("ERR You can't specify both OPTIN mode and OPTOUT mode"),
  tracking_options_mode: refusal(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
  ),
  tracking_overlaps: refusal(
    "ERR Prefix '{word}' overlaps with an existing prefix '{other}'. Prefixes for a single client must not overlap.",
  ),
  tracking_overlap_given: refusal(
    "ERR Prefix '{word}' overlaps with another provided prefix '{other}'. Prefixes for a single client must not overlap.",
  ),
  caching_without_tracking: refusal(
    'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
  ),
  caching_yes: refusal('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.'),
  caching_no: refusal('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.'),
  /** Redis has no limit. */
  tracked_prefixes: refusal(
    'ERR {used} {what} are tracked for this automation in this process, of at most {allowed}',
  ),
  config_refused: refusal("ERR CONFIG SET failed (possibly related to argument '{parameter}') - {reason}"),
  slowlog_count: refusal('ERR count should be greater than or equal to -1'),
  command_invalid: refusal('ERR Invalid command specified'),
  command_no_keys: refusal('ERR The command has no key arguments'),
  command_arity: refusal('ERR Invalid number of arguments specified for command'),
  command_arguments: refusal('ERR Invalid arguments specified for command'),
  too_many_monitors: refusal('ERR too many connections in MONITOR: {allowed} of an automation are allowed'),
  monitor_in_transaction: refusal("ERR MONITOR isn't allowed for DENY BLOCKING client"),
  monitor_keyspace: refusal("ERR Replica can't interact with the keyspace"),
  // Transactions
  exec_without_multi: refusal('ERR EXEC without MULTI'),
  exec_aborted: refusal('EXECABORT Transaction discarded because of previous errors.'),
  /** A refused EXEC ends the transaction (execCommandAbort); the reason is a text without its prefix. */
  exec_refused: refusal('EXECABORT Transaction discarded because of: {reason}'),
  nested_multi: refusal('ERR MULTI calls can not be nested'),
  discard_without_multi: refusal('ERR DISCARD without MULTI'),
  watch_in_multi: refusal('ERR WATCH inside MULTI is not allowed'),
  not_in_transaction: refusal('ERR Command not allowed inside a transaction'),
  // Subscriptions
  only_listening: refusal(
    "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
  ),
} as const
