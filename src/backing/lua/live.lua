-- Keeps those of a flat list of name, entry... whose keys are live. What has expired is dropped from the index.
local function live(flat)
  local kept = {}
  for n = 1, #flat, 2 do
    local expires = string.match(flat[n + 1], ':(%d+)$')
    if expires and (expires == '0' or tonumber(expires) >= now) then
      kept[#kept + 1] = flat[n]
      kept[#kept + 1] = flat[n + 1]
    else
      redis.call('HDEL', KEYS[2], flat[n])
    end
  end
  return kept
end
