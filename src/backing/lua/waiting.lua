-- A sorted set of the keys that blocked clients wait for, by when that note lapses: whoever leaves data there wakes them.
local waited = string.sub(KEYS[2], 1, #KEYS[2] - 1) .. 'b'

local function wake_name(name)
  local lapses = redis.call('ZSCORE', waited, name)
  if lapses and tonumber(lapses) > now then
    redis.call('PUBLISH', string.sub(KEYS[2], 1, #KEYS[2] - 1) .. 'w', name)
  end
end

local function wake(i)
  wake_name(name_of(i))
end
