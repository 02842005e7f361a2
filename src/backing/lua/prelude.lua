-- Shared by the scripts that read or write an automation's keys.
-- KEYS[1] counter of write requests (version), KEYS[2] index hash, KEYS[3..] data keys.
-- ARGV[1] length of the prefix that every data key starts with; what follows it is the user's name for the key.
-- Index: name -> "created:updated:version:expires" (milliseconds; expires is 0 without a TTL).
local prefix_length = tonumber(ARGV[1])
-- What every key of the automation starts with.
local base = string.sub(KEYS[2], 1, #KEYS[2] - 1)
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local now = clock()

local function name_of(i)
  return string.sub(KEYS[i], prefix_length + 1)
end

-- An index entry as {created, version, expires, whole}; false when there is none, or when the key has expired, which is as good as absent.
local function live_entry(raw)
  if not raw then return false end
  local created, version, expires = string.match(raw, '^(%d+):%d+:(%d+):(%d+)$')
  return created and (expires == '0' or tonumber(expires) >= now) and { created, version, expires, raw } or false
end

-- The live index entry of KEYS[i].
local entries = {}
local function entry_of(i)
  local entry = entries[i]
  if entry == nil then
    entry = live_entry(redis.call('HGET', KEYS[2], name_of(i)))
    entries[i] = entry
  end
  return entry
end
