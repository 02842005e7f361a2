-- For those that plan a whole request before they write anything of it.
local function lacks_room(more)
  return more > 0 and used + grown + more > max_bytes
end

local function lacks_names(more)
  return more > 0 and redis.call('HLEN', KEYS[2]) + more > tonumber(ARGV[2])
end

-- Whether a command of the kind may need more room.
local function needs_room(kind)
  return not string.find(roomless, kind, 1, true)
end

local function may_be_too_many(charge)
  return charge / least_element > tonumber(ARGV[4])
end

local function charge_of(kind, name, old, from, to, reply, key)
  local least = name_charge + 2 * #name
  local most = most_after(kind, least, old and math.abs(old), from, to, needs_room(kind))
  if kind == 'w' then return most end
  return charge_after(kind, old, most, least, from, to, reply, key)
end

local function record(i, created, version, expires, charge)
  local entry = created .. ':' .. string.format('%.0f', now) .. ':' .. version .. ':' .. expires .. ':' .. charge
  redis.call('HSET', KEYS[2], name_of(i), entry)
end

local function keep_usage()
  if grown == 0 then return end
  redis.call('INCRBY', counter, string.format('%.0f', grown))
  used = used + grown
  grown = 0
end

local kept = redis.call('MGET', counter, events_key, tracked)
used = tonumber(kept[1])
-- See prelude.lua.
local events = kept[2] or ''
begin_changes(kept[3])
