-- Libraries of functions: a hash of sealed libraries by ids that are made at random, with `s` their stamp, another one whenever any of them
-- comes or goes, and `c` what they are charged with. Without libraries it is not there.
local libraries = base .. 'f'
-- Of each, beside what it holds.
local library_charge = 160

local function stamp_of_libraries()
  return redis.call('HGET', libraries, 's') or ''
end

-- A request's changes of libraries begin at `at`: the new stamp; number of those that go, their ids; number of those that come, pairs of
-- their id and what is kept.
local function end_of_library_changes(at)
  local added_at = at + 2 + ARGV[at + 1]
  return added_at + 2 * ARGV[added_at]
end

-- How many more bytes the changes need.
local function library_growth(at)
  local sum, added_at = 0, at + 2 + ARGV[at + 1]
  for n = at + 2, added_at - 1 do
    local length = redis.call('HSTRLEN', libraries, ARGV[n])
    if length > 0 then sum = sum - length - library_charge end
  end
  for n = added_at + 2, end_of_library_changes(at), 2 do sum = sum + #ARGV[n] + library_charge end
  return sum
end

local function keep_libraries(at)
  local added_at = at + 2 + ARGV[at + 1]
  if added_at == at + 2 and ARGV[added_at] == '0' then return end
  local growth = library_growth(at)
  local charged = tonumber(redis.call('HGET', libraries, 'c') or '0')
  redis.call('HDEL', libraries, 's', 'c')
  for n = at + 2, added_at - 1 do redis.call('HDEL', libraries, ARGV[n]) end
  for n = added_at + 1, end_of_library_changes(at), 2 do redis.call('HSET', libraries, ARGV[n], ARGV[n + 1]) end
  if redis.call('EXISTS', libraries) == 1 then
    redis.call('HSET', libraries, 's', ARGV[at], 'c', string.format('%.0f', charged + growth))
  end
  grown = grown + growth
end
