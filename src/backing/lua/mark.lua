-- Notes that clients wait for keys. ARGV[2] how long the note lasts in milliseconds, ARGV[3..] names.
local waited = base .. 'b'
local lasts = tonumber(ARGV[2])
for n = 3, #ARGV do redis.call('ZADD', waited, now + lasts, ARGV[n]) end
redis.call('ZREMRANGEBYSCORE', waited, '-inf', now)
redis.call('PEXPIRE', waited, lasts)
return 1
