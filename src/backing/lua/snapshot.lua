-- Some fields of a hash or scores of a sorted set, and how many it has; a list of everything if these are few.
local function part_of(kind, key, at, count, few)
  local data = {}
  if kind == 'hash' then
    local length = redis.call('HLEN', key)
    if length <= few then return { redis.call('HGETALL', key) } end
    if count > 0 then data = redis.call('HMGET', key, unpack(ARGV, at, at + count - 1)) end
    data[count + 1] = length
  else
    local length = redis.call('ZCARD', key)
    if length <= few then return { redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') } end
    if count > 0 then data = redis.call('ZMSCORE', key, unpack(ARGV, at, at + count - 1)) end
    data[count + 1] = length
  end
  return data
end
-- Reads keys with their bookkeeping at one moment. For each data key, in order, ARGV holds what to read of it:
--   a  everything, but of a large key only how many elements it has     w  everything     m  only its type
--   f n field...  these fields, if it is a hash (else everything)
--   e n  n elements at each end and the length between them, if it is a list (else everything)
--   h n few field...   these fields and the length, or a list of everything if there are few, if it is a hash
--   z n few member...  the same of the scores of a sorted set
--   t n  XINFO STREAM and the first n entries, or a list of everything if there are no more than twice as many
-- `l` behind them asks for the stamp of the libraries as well. `at` is where these begin. Answers {now, version, latest deletion that is not
-- remembered by name, events that the automation wants, {entry or false, type, data, version that deleted it}..., stamp if it is asked for}.
-- The entry of a key that is not there is read when there are such events.
local lengths = { hash = 'HLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD' }
-- With more elements than this a key is large: it takes a script ten times as long to answer them as a native command does.
local most_elements = 1000

local function snapshot(at)
  local known = redis.call('MGET', KEYS[1], events_key)
  local result = { string.format('%.0f', now), known[1] or '0', redis.call('ZSCORE', deletions, 'f') or '0', known[2] or '' }
  for i = 3, #KEYS do
    local key = KEYS[i]
    local kind = redis.call('TYPE', key).ok
    local want = ARGV[at]
    local fields = 0
    local part = want == 'h' and 'hash' or want == 'z' and 'zset'
    if want == 'f' or part then fields = tonumber(ARGV[at + 1]) end
    local ends = (want == 'e' or want == 't') and tonumber(ARGV[at + 1])
    local data = false
    local size = want == 'a' and lengths[kind] and redis.call(lengths[kind], key)
    if want == 'f' and kind == 'hash' then
      data = fields > 0 and redis.call('HMGET', key, unpack(ARGV, at + 2, at + 1 + fields)) or {}
      data[fields + 1] = redis.call('HLEN', key)
    elseif part and part == kind then
      data = part_of(kind, key, at + 3, fields, tonumber(ARGV[at + 2]))
    elseif want == 't' and kind == 'stream' then
      if redis.call('XLEN', key) <= 2 * ends then data = { redis.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0) }
      else data = { redis.call('XINFO', 'STREAM', key), redis.call('XRANGE', key, '-', '+', 'COUNT', ends) }
      end
    elseif want == 'e' and kind == 'list' then
      local length = redis.call('LLEN', key)
      local tail = length > ends and redis.call('LRANGE', key, math.max(ends, length - ends), -1) or {}
      data = { redis.call('LRANGE', key, 0, ends - 1), length, tail }
    elseif size and size > most_elements then
      data = size
    elseif want ~= 'm' then
      if kind == 'string' then data = redis.call('GET', key)
      elseif kind == 'hash' then data = redis.call('HGETALL', key)
      elseif kind == 'list' then data = redis.call('LRANGE', key, 0, -1)
      elseif kind == 'set' then data = redis.call('SMEMBERS', key)
      elseif kind == 'zset' then data = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
      elseif kind == 'stream' then data = redis.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0)
      end
    end
    at = at + 1
    if want == 'f' then at = at + 1 + fields end
    if part then at = at + 2 + fields end
    if ends then at = at + 1 end
    local raw = (kind ~= 'none' or known[2]) and redis.call('HGET', KEYS[2], name_of(i))
    local deleted = kind == 'none' and redis.call('ZSCORE', deletions, 'k' .. name_of(i))
    result[#result + 1] = { raw, kind, data, deleted or '0' }
  end
  if ARGV[at] == 'l' then result[#result + 1] = stamp_of_libraries() end
  return result
end
