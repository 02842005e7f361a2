-- Deletes every key of the automation; the version goes on. Answers {1, version, now, keys deleted}.
local names = redis.call('HKEYS', KEYS[2])
local prefix = string.sub(KEYS[2], 1, #KEYS[2] - 1) .. 'k:'
local deleted = 0
for n = 1, #names do deleted = deleted + redis.call('UNLINK', prefix .. names[n]) end
redis.call('DEL', KEYS[2])
local version
if deleted > 0 then
  version = redis.call('INCR', KEYS[1])
  redis.call('DEL', deletions)
  redis.call('ZADD', deletions, version, 'f')
else
  version = tonumber(redis.call('GET', KEYS[1]) or '0')
end
return { 1, version, string.format('%.0f', now), deleted }
