-- A process whose clients track keys has changes told for ARGV[3] milliseconds. ARGV[2] the stamp that it would begin with. Answers {the
-- stamp that is there, now}: another stamp than the last time says that changes were not told for a while.
local tracked = base .. 't'
local stamp = redis.call('GET', tracked)
if stamp then
  redis.call('PEXPIRE', tracked, ARGV[3])
  return { stamp, string.format('%.0f', now) }
end
redis.call('SET', tracked, ARGV[2], 'PX', ARGV[3])
return { ARGV[2], string.format('%.0f', now) }
