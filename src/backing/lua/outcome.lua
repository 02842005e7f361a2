-- What a native command did to its key: see run.lua for the letters.
-- Whether a key is there, and the moment at which it expires. PTTL counts from its own look at the clock: between equal readings it is exact.
local function expiry_of(key)
  while true do
    local before = clock()
    local ttl = redis.call('PTTL', key)
    if ttl < 0 then return ttl ~= -2, '0' end
    if clock() == before then return true, string.format('%.0f', before + ttl) end
  end
end

-- Whether a key that has just been changed is there, and when it expires, by the letter of how the command leaves it.
local function left_as(after, key, entry)
  if after == 'D' then return false, '0' end
  if after == 'S' then return true, '0' end
  if after == 'C' then return expiry_of(key) end
  return true, entry and entry[3] or '0'
end

local function changed_by(rule, reply, i)
  local kind = type(reply)
  if kind == 'table' and reply.err then return false end
  if rule == 'a' then return true end
  if rule == 'p' then return kind == 'number' and reply > 0 end
  if rule == 'n' then return reply ~= false end
  if rule == 'e' then return entry_of(i) ~= false end
  if rule == 'r' or kind ~= 'table' then return false end
  if rule == 'l' then return #reply > 0 end
  if rule == 'c' then return #reply[2] > 0 or reply[3] ~= nil and #reply[3] > 0 end
  for n = 1, #reply do
    if reply[n][1] == KEYS[i] and #reply[n][2] > 0 then return true end
  end
  return false
end
