-- A sorted set of the keys that blocked clients wait for, by when that note lapses: whoever leaves data there wakes them.
local waited = string.sub(KEYS[2], 1, #KEYS[2] - 1) .. 'b'

local function wake(i)
  local lapses = redis.call('ZSCORE', waited, name_of(i))
  if lapses and tonumber(lapses) > now then
    redis.call('PUBLISH', string.sub(KEYS[2], 1, #KEYS[2] - 1) .. 'w', name_of(i))
  end
end
