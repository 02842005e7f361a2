-- Answers {version, keys, bytes used}.
used = tonumber(redis.call('GET', counter))
if not used then quota().take_sum() end
quota().retake()
return { tonumber(redis.call('GET', KEYS[1]) or '0'), redis.call('HLEN', KEYS[2]), string.format('%.0f', used) }
