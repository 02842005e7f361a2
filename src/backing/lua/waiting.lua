-- A sorted set of the keys that blocked clients wait for, by when that note lapses: whoever leaves data there wakes them.
local waited = base .. 'b'

local function wake_name(name)
  local lapses = redis.call('ZSCORE', waited, name)
  if lapses and tonumber(lapses) > now then
    redis.call('PUBLISH', base .. 'w', name)
  end
end

local function wake(i)
  wake_name(name_of(i))
end
