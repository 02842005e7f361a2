-- Shared by the scripts that read or write an automation's keys.
-- KEYS[1] counter of write requests (version), KEYS[2] index hash, KEYS[3..] data keys.
-- ARGV[1] length of the prefix that every data key starts with; what follows it is the user's name for the key.
-- Index: name -> "created:updated:version:expires" (milliseconds; expires is 0 without a TTL).
local prefix_length = tonumber(ARGV[1])
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local now = clock()

local function name_of(i)
  return string.sub(KEYS[i], prefix_length + 1)
end

-- The live index entry of KEYS[i], or false: {created, version, expires}. A key that has expired is as good as absent.
local entries = {}
local function entry_of(i)
  local entry = entries[i]
  if entry == nil then
    entry = false
    local raw = redis.call('HGET', KEYS[2], name_of(i))
    if raw then
      local created, version, expires = string.match(raw, '^(%d+):%d+:(%d+):(%d+)$')
      if created and (expires == '0' or tonumber(expires) >= now) then entry = { created, version, expires } end
    end
    entries[i] = entry
  end
  return entry
end
