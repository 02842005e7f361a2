-- Keeps those of a flat list of name, entry... whose keys are live. What has expired, or is gone from the Redis, is dropped from the index.
local function live(flat)
  local kept, keys = {}, {}
  for n = 1, #flat, 2 do
    local expires = string.match(flat[n + 1], ':(%d+)$')
    if expires and (expires == '0' or tonumber(expires) >= now) then
      kept[#kept + 1] = flat[n]
      kept[#kept + 1] = flat[n + 1]
      keys[#keys + 1] = base .. 'k:' .. flat[n]
    else
      redis.call('HDEL', KEYS[2], flat[n])
    end
  end
  local lost = {}
  each_lost(keys, function(n)
    lost[n] = true
    redis.call('HDEL', KEYS[2], kept[2 * n - 1])
  end)
  if not next(lost) then return kept end
  local held = {}
  for n = 1, #keys do
    if not lost[n] then
      held[#held + 1] = kept[2 * n - 1]
      held[#held + 1] = kept[2 * n]
    end
  end
  return held
end
