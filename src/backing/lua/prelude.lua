-- Shared by the scripts that read or write an automation's keys.
-- KEYS[1] counter of write requests (version), KEYS[2] index hash, KEYS[3..] data keys.
-- ARGV[1] length of the prefix that every data key starts with; what follows it is the user's name for the key.
-- Index: name -> "created:updated:version:expires:charge" (milliseconds; expires is 0 without a TTL). For `charge` see charges.lua; an entry
-- of a release that did not count bytes has none.
local prefix_length = tonumber(ARGV[1])
-- What every key of the automation starts with.
local base = string.sub(KEYS[2], 1, #KEYS[2] - 1)
-- Which events of its keys the automation wants to be told of, as letters; nothing when it wants none. While it wants some, every write is
-- computed, since the messages are a part of its commit.
local events_key = base .. 'c'
-- There as long as some process looks for expired keys: see expired.lua.
local watcher = base .. 'x'
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local now = clock()

local function name_of(i)
  return string.sub(KEYS[i], prefix_length + 1)
end

-- By name: the charge of an entry without a key.
local dead = {}

-- An index entry as {created, version, expires, whole, charge}; false when there is none, or when the key has expired, which is as good
-- as absent.
local function live_entry(raw, name)
  if not raw then return false end
  local created, version, expires, charge = string.match(raw, '^(%d+):%d+:(%d+):(%d+):?(-?%d*)$')
  if not created then return false end
  if expires == '0' or tonumber(expires) >= now then return { created, version, expires, raw, tonumber(charge) or -1 } end
  dead[name] = tonumber(charge)
  return false
end

-- Most arguments for one command: Lua's unpack takes some thousands.
local most_words = 1000

-- Calls `lost` with each place in the list `keys` whose key the Redis does not hold: it evicted it, or somebody deleted it by hand.
local function each_lost(keys, lost)
  for from = 1, #keys, most_words do
    local to = math.min(#keys, from + most_words - 1)
    if redis.call('EXISTS', unpack(keys, from, to)) <= to - from then
      for n = from, to do
        if redis.call('EXISTS', keys[n]) == 0 then lost(n) end
      end
    end
  end
end

-- The live index entries of KEYS[3..], false where there is none. Read before anything is written; what is in the index without being in
-- the Redis is as good as absent.
local entries = {}
local function read_entries()
  local known, places = {}, {}
  for from = 3, #KEYS, most_words do
    local names = {}
    for i = from, math.min(#KEYS, from + most_words - 1) do names[#names + 1] = name_of(i) end
    local found = redis.call('HMGET', KEYS[2], unpack(names))
    for n = 1, #names do
      local i = from + n - 1
      entries[i] = live_entry(found[n], names[n])
      if entries[i] then
        known[#known + 1] = KEYS[i]
        places[#known] = i
      end
    end
  end
  each_lost(known, function(n)
    local i = places[n]
    dead[name_of(i)] = entries[i][5]
    entries[i] = false
  end)
end

-- The live index entry of KEYS[i].
local function entry_of(i)
  return entries[i]
end
