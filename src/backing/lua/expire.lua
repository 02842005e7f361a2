-- Tells of keys that have expired, once: who takes their entries out of the index sends the messages. ARGV[2] the events that the automation
-- wanted, ARGV[3] number of keys, then each: name, when it expired; then the messages, sealed. Answers 1, or 0 when it is not as ARGV says:
-- nothing is done then.
if (redis.call('GET', events_key) or '') ~= ARGV[2] then return 0 end
local last = 3 + 2 * ARGV[3]
local freed = 0
for n = 4, last, 2 do
  local expires, charge = string.match(redis.call('HGET', KEYS[2], ARGV[n]) or '', '^%d+:%d+:%d+:(%d+):?(-?%d*)$')
  if expires ~= ARGV[n + 1] or tonumber(expires) >= now then return 0 end
  freed = freed + math.abs(tonumber(charge) or 0)
end
for n = 4, last, 2 do
  redis.call('HDEL', KEYS[2], ARGV[n])
  redis.call('UNLINK', base .. 'k:' .. ARGV[n])
end
if freed > 0 and redis.call('EXISTS', base .. 'u') == 1 then redis.call('DECRBY', base .. 'u', string.format('%.0f', freed)) end
for m = last + 1, #ARGV do redis.pcall('PUBLISH', base .. 'p', ARGV[m]) end
return 1
