import { refusal, row } from './rows.ts'

export const STRINGS = {
  string_too_long: row(
    'ERR string exceeds maximum allowed size (proto-max-bulk-len)',
    413,
    'value_too_large',
  ),
  lcs_too_long: refusal(
    'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
    413,
    'value_too_large',
  ),
  lcs_not_strings: refusal('ERR The specified keys must contain string values', 400, 'type_mismatch'),
  lcs_len_and_idx: refusal('ERR If you want both the length and indexes, please just use IDX.'),
} as const

export const BITMAPS = {
  bit_offset: refusal('ERR bit offset is not an integer or out of range'),
  bit_value: refusal('ERR bit is not an integer or out of range'),
  bitpos_bit: refusal('ERR The bit argument must be 1 or 0.'),
  bitop_not: refusal('ERR BITOP NOT must be called with a single source key.'),
  bitfield_type: refusal(
    'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
  ),
  bitfield_overflow: refusal('ERR Invalid OVERFLOW type specified'),
  bitfield_ro: refusal('ERR BITFIELD_RO only supports the GET subcommand'),
} as const

export const HYPERLOGLOGS = {
  not_hyperloglog: refusal('WRONGTYPE Key is not a valid HyperLogLog string value.', 400, 'type_mismatch'),
  corrupt_hyperloglog: refusal('INVALIDOBJ Corrupted HLL object detected', 400, 'type_mismatch'),
} as const

export const HASHES = {
  hash_not_integer: row('ERR hash value is not an integer', 400, 'type_mismatch'),
  hash_not_float: row('ERR hash value is not a float', 400, 'type_mismatch'),
  value_nan_or_infinity: refusal('ERR value is NaN or Infinity'),
} as const

export const LISTS = {
  rank_zero: refusal(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
  ),
  count_negative: refusal("ERR COUNT can't be negative"),
  maxlen_negative: refusal("ERR MAXLEN can't be negative"),
} as const

export const SORTED_SETS = {
  no_input_key: refusal("ERR at least 1 input key is needed for '{command}' command"),
  weight_not_float: refusal('ERR weight value is not a float'),
  score_nan: refusal('ERR resulting score is not a number (NaN)'),
  score_bounds: refusal('ERR min or max is not a float'),
  lex_bounds: refusal('ERR min or max not valid string range item'),
  range_limit: refusal(
    'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
  ),
  range_lex_scores: refusal('ERR syntax error, WITHSCORES not supported in combination with BYLEX'),
  zadd_nx_xx: refusal('ERR XX and NX options at the same time are not compatible'),
  zadd_gt_lt_nx: refusal('ERR GT, LT, and/or NX options at the same time are not compatible'),
  zadd_incr_pairs: refusal('ERR INCR option supports a single increment-element pair'),
} as const

/** Of commands on keys of any type. */
export const KEYS = {
  busy_key: refusal('BUSYKEY Target key name already exists.', 409, 'key_exists'),
  dump_payload: refusal('ERR DUMP payload version or checksum are wrong'),
  restore_ttl: refusal('ERR Invalid TTL value, must be >= 0'),
  restore_idletime: refusal('ERR Invalid IDLETIME value, must be >= 0'),
  restore_freq: refusal('ERR Invalid FREQ value, must be >= 0 and <= 255'),
  same_object: refusal('ERR source and destination objects are the same'),
  sort_not_float: refusal("ERR One or more scores can't be converted into double", 400, 'type_mismatch'),
  no_lfu: refusal(
    'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
  ),
  expire_option: refusal('ERR Unsupported option {word}'),
  expire_nx_others: refusal('ERR NX and XX, GT or LT options at the same time are not compatible'),
  expire_gt_lt: refusal('ERR GT and LT options at the same time are not compatible'),
} as const
