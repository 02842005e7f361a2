-- One step through the index for keys that have expired. ARGV[2] the process that asks, ARGV[3] how long it keeps others from doing so, in
-- milliseconds, ARGV[4] cursor, ARGV[5] count, ARGV[6] the version that it knows: with another one it looks in any case.
-- ARGV[7] when the next key expires as far as it knows, or ''.
-- Answers {events that the automation wants}, with nothing behind it when another process looks, or {events, version} when nothing can have
-- expired, or {events, version, cursor, next moment at which one expires or '', name, expires...}.
local wanted = redis.call('GET', events_key) or ''
local holder = redis.call('GET', watcher)
if not string.find(wanted, '[xA]') then
  if holder == ARGV[2] then redis.call('DEL', watcher) end
  return { wanted }
end
if holder and holder ~= ARGV[2] then return { wanted } end
redis.call('SET', watcher, ARGV[2], 'PX', ARGV[3])
local version = redis.call('GET', KEYS[1]) or '0'
local soonest = tonumber(ARGV[7])
if ARGV[4] == '0' and version == ARGV[6] and not (soonest and soonest < now) then return { wanted, version } end

local step = redis.call('HSCAN', KEYS[2], ARGV[4], 'COUNT', ARGV[5])
local answer = { wanted, version, step[1], '' }
local first
for n = 1, #step[2], 2 do
  local expires = string.match(step[2][n + 1], '^%d+:%d+:%d+:(%d+)')
  local moment = tonumber(expires or '0')
  if moment ~= 0 and moment < now then
    answer[#answer + 1] = step[2][n]
    answer[#answer + 1] = expires
  elseif moment ~= 0 and (not first or moment < first) then
    first = moment
    answer[4] = expires
  end
end
return answer
