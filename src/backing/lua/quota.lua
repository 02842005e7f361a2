-- Would `more` new keys exceed the limit? Before saying yes, drops index entries whose key is gone.
local function over_quota(more, limit)
  if redis.call('HLEN', KEYS[2]) + more <= limit then return false end
  local names = redis.call('HKEYS', KEYS[2])
  local prefix = base .. 'k:'
  for n = 1, #names do
    if redis.call('EXISTS', prefix .. names[n]) == 0 then redis.call('HDEL', KEYS[2], names[n]) end
  end
  return redis.call('HLEN', KEYS[2]) + more > limit
end

local function record(i, created, version, expires)
  redis.call('HSET', KEYS[2], name_of(i), created .. ':' .. string.format('%.0f', now) .. ':' .. version .. ':' .. expires)
end
