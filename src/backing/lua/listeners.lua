-- Who listens to the automation's messages: a hash of what each process tells, and a stamp that changes whenever one of them tells
-- something else, so that nobody reads the hash again who knows the stamp. Both lapse together, unless their processes renew them.
local listeners, listeners_stamp, messages_channel = base .. 'l', base .. 'n', base .. 'p'

-- Empty when nobody listens. One that is missing (evicted, or never made by a release that did not know of it) is made.
local function stamp_of_listeners()
  local stamp = redis.call('GET', listeners_stamp)
  if stamp then return stamp end
  local left = redis.call('PTTL', listeners)
  if left == -2 then return '' end
  local time = redis.call('TIME')
  stamp = time[1] .. '.' .. time[2]
  redis.call('SET', listeners_stamp, stamp, 'PX', math.max(1, left))
  return stamp
end
