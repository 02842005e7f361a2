-- Keeps those of a flat list of name, entry... whose keys are live. What has expired, or is gone from the Redis, is dropped from the index,
-- or left to the process that tells of it.
local function live(flat)
  local gone, kept, freed = quota().gone_of(flat), {}, 0
  local is_told = redis.call('EXISTS', watcher) == 1
  for n = 1, #flat, 2 do
    if gone[flat[n]] and is_told then
      -- It is still charged, too.
    elseif gone[flat[n]] then
      redis.call('HDEL', KEYS[2], flat[n])
      freed = freed + math.abs(tonumber(string.match(flat[n + 1], '^%d+:%d+:%d+:%d+:(-?%d+)$') or '0'))
    else
      kept[#kept + 1] = flat[n]
      kept[#kept + 1] = flat[n + 1]
    end
  end
  if freed > 0 and redis.call('EXISTS', counter) == 1 then redis.call('DECRBY', counter, string.format('%.0f', freed)) end
  return kept
end
