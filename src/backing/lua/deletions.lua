-- A sorted set of names by the version that deleted them, so that WATCH notices a key that came and went. It holds the latest few
-- hundred; the score of the member f is the latest version that was dropped from it.
local deletions = base .. 'd'
local most_deletions = 256

-- Not at every deletion, so that it is rarely more than a count.
local function trim_deletions()
  local excess = redis.call('ZCARD', deletions) - most_deletions
  if excess < 64 then return end
  local dropped = redis.call('ZRANGE', deletions, 0, excess - 1, 'WITHSCORES')
  redis.call('ZREMRANGEBYRANK', deletions, 0, excess - 1)
  redis.call('ZADD', deletions, dropped[#dropped], 'f')
end

local function forget(i, version)
  redis.call('HDEL', KEYS[2], name_of(i))
  redis.call('ZADD', deletions, version, 'k' .. name_of(i))
  trim_deletions()
end
