-- Publishes a sealed message. ARGV[2] it, ARGV[3] the stamp of the listeners that the sender knows. Answers {processes that got it}, and
-- behind it {..., stamp, all records} when the sender's knowledge is out of date: as they were at that moment.
local stamp = stamp_of_listeners()
if stamp == ARGV[3] then return { redis.call('PUBLISH', messages_channel, ARGV[2]) } end
local records = redis.call('HGETALL', listeners)
return { redis.call('PUBLISH', messages_channel, ARGV[2]), stamp, records }
