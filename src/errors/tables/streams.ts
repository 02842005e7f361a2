import { refusal } from './rows.ts'

export const STREAMS = {
  // Ids
  stream_id: refusal('ERR Invalid stream ID specified as stream command argument'),
  interval_start: refusal('ERR invalid start ID for the interval'),
  interval_end: refusal('ERR invalid end ID for the interval'),
  xadd_id_zero: refusal('ERR The ID specified in XADD must be greater than 0-0'),
  xadd_id_too_small: refusal(
    'ERR The ID specified in XADD is equal or smaller than the target stream top item',
  ),
  stream_exhausted: refusal('ERR The stream has exhausted the last possible ID, unable to add more items'),
  /** Redis has no text of its own for a millisecond that is used up. */
  millisecond_exhausted: refusal('ERR Elements are too large to be stored'),
  // Trimming
  trim_both: refusal('ERR syntax error, MAXLEN and MINID options at the same time are not compatible'),
  trim_maxlen: refusal('ERR The MAXLEN argument must be >= 0.'),
  trim_limit: refusal('ERR The LIMIT argument must be >= 0.'),
  trim_limit_alone: refusal('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy'),
  trim_limit_exact: refusal('ERR syntax error, LIMIT cannot be used without the special ~ option'),
  xtrim_strategy: refusal('ERR syntax error, XTRIM must be called with a trimming strategy'),
  // XSETID
  entries_added: refusal('ERR entries_added must be positive'),
  xsetid_below_deleted: refusal(
    'ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id',
  ),
  xsetid_below_top: refusal('ERR The ID specified in XSETID is smaller than the target stream top item'),
  xsetid_entries_added: refusal(
    'ERR The entries_added specified in XSETID is smaller than the target stream length',
  ),
  // Reading
  block_in_script: refusal('ERR {command} command is not allowed with BLOCK option from scripts'),
  unbalanced_streams: refusal(
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
  ),
  missing_group: refusal('ERR Missing GROUP option for XREADGROUP'),
  only_xreadgroup: refusal(
    'ERR The {option} option is only supported by XREADGROUP. You called XREAD instead.',
  ),
  new_id_without_group: refusal(
    'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
  ),
  last_id_in_group: refusal(
    'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
  ),
  // Consumer groups
  no_group: refusal("NOGROUP No such consumer group '{group}' for key name '{key}'", 404, 'key_not_found'),
  no_key_or_group: refusal("NOGROUP No such key '{key}' or consumer group '{group}'", 404, 'key_not_found'),
  no_group_to_read: refusal(
    "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option",
    404,
    'key_not_found',
  ),
  group_exists: refusal('BUSYGROUP Consumer Group name already exists', 409, 'key_exists'),
  xgroup_no_key: refusal(
    'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.',
    404,
    'key_not_found',
  ),
  entries_read: refusal('ERR value for ENTRIESREAD must be positive or -1'),
  group_gone: refusal(
    'NOGROUP the consumer group this client was blocked on no longer exists',
    404,
    'key_not_found',
  ),
  stream_gone: refusal('UNBLOCKED the stream key no longer exists', 404, 'key_not_found'),
  // Claiming
  xclaim_min_idle: refusal('ERR Invalid min-idle-time argument for XCLAIM'),
  xautoclaim_min_idle: refusal('ERR Invalid min-idle-time argument for XAUTOCLAIM'),
  xclaim_value: refusal('ERR Invalid {option} option argument for XCLAIM'),
  xclaim_option: refusal("ERR Unrecognized XCLAIM option '{option}'"),
  xautoclaim_count: refusal('ERR COUNT must be > 0'),
} as const
