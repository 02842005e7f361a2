-- What a process tells of its listeners. ARGV[2] the process, ARGV[3] its sealed record or '' when nobody listens there, ARGV[4] the new
-- stamp, ARGV[5] how long both are believed, in milliseconds. Answers the stamps before and after, and
-- the events that the automation wants.
local before = stamp_of_listeners()
if ARGV[3] == '' then
  redis.call('HDEL', listeners, ARGV[2])
else
  redis.call('HSET', listeners, ARGV[2], ARGV[3])
  redis.call('PEXPIRE', listeners, ARGV[5])
end
if redis.call('EXISTS', listeners) == 1 then
  redis.call('SET', listeners_stamp, ARGV[4], 'PX', ARGV[5])
  return { before, ARGV[4], redis.call('GET', events_key) or '' }
end
redis.call('DEL', listeners_stamp)
return { before, '', redis.call('GET', events_key) or '' }
