-- One step through the live keys. ARGV[2] cursor, ARGV[3] count, ARGV[4] only keys of this type, or ''. Answers {cursor, name...}.
local step = redis.call('HSCAN', KEYS[2], ARGV[2], 'COUNT', ARGV[3])
local found = { step[1] }
local prefix = string.sub(KEYS[2], 1, #KEYS[2] - 1) .. 'k:'
local flat = live(step[2])
for n = 1, #flat, 2 do
  if ARGV[4] == '' or redis.call('TYPE', prefix .. flat[n]).ok == ARGV[4] then found[#found + 1] = flat[n] end
end
return found
