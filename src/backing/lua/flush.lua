-- Deletes every key of the automation; the version goes on. Answers {1, version, now, keys deleted}.
local names = redis.call('HKEYS', KEYS[2])
local prefix = base .. 'k:'
local deleted = {}
for n = 1, #names do
  if redis.call('UNLINK', prefix .. names[n]) == 1 then deleted[#deleted + 1] = names[n] end
end
redis.call('DEL', KEYS[2])
redis.call('SET', counter, string.format('%.0f', quota().charged_beside_keys()))
if redis.call('EXISTS', waited) == 1 then
  for n = 1, #deleted do wake_name(deleted[n]) end
end
local version
if #deleted > 0 then
  version = redis.call('INCR', KEYS[1])
  if #deleted <= most_deletions then
    for n = 1, #deleted do redis.call('ZADD', deletions, version, 'k' .. deleted[n]) end
    trim_deletions()
  else
    redis.call('DEL', deletions)
    redis.call('ZADD', deletions, version, 'f')
  end
else
  version = tonumber(redis.call('GET', KEYS[1]) or '0')
end
if redis.call('EXISTS', tracked) == 1 then redis.call('PUBLISH', changes_channel, '*') end
return { 1, version, string.format('%.0f', now), #deleted }
