-- What a key is charged with, in bytes: for its names, and for what it holds by the length of each part and what the Redis needs around
-- it. It stands in the key's index entry. While a key is only set, or only grows, that is exact; after it shrank or was overwritten in
-- parts, it is negative: what it holds is not more than that.
-- The sum over all keys, kept outcomes and libraries is in a counter. What has expired, and what a negative charge has too much, is in it until the
-- sum is taken anew: see quota.lua.
-- What a command does to the charge is one letter of its request:
--   w sets all of a string, to its first argument   k makes a HyperLogLog   l pushes to a list   i inserts into a list
--   h sets pairs of a hash    s adds members to a set    z adds scores and members to a sorted set    x adds an entry to a stream
--   g makes something else in a stream    o may add its arguments    p takes elements, which it answers    m takes the named members
--   f frees something    d deletes    n neither needs nor frees
local counter = base .. 'u'
-- The others of ARGV[2..4] are made numbers where they are needed, which is seldom.
local max_bytes = tonumber(ARGV[3])
-- Each element is charged with more bytes than this, so that few keys have to be asked for their length.
local least_element = 64
-- Kinds that need no more room.
local roomless = 'nfdpm'
-- Of the names of a key, without the name itself.
local name_charge = prefix_length + 160
-- What the counter says, and what was charged since.
local used, grown = 0, 0

-- What the arguments `from` to `to` may add.
local function added(kind, from, to)
  local around = kind == 'l' and 8 or kind == 'h' and 20 or kind == 'x' and 16 or kind == 'g' and 150 or 32
  local sum = around * (to - from + 1)
  for n = from, to do sum = sum + #ARGV[n] end
  return sum
end

-- The most that a key may be charged with after a command: `least` for its names, `before` for all of it until then (false: not there).
local function most_after(kind, least, before, from, to, needs_room)
  if kind == 'w' then return least + #ARGV[from] end
  if kind == 'k' then return least + 12400 end
  return (before or least) + (needs_room and added(kind, from, to) or 0)
end

-- The charge of a key that is there after a command of another kind than w. `old` is its charge before, false if it was not there, `most`
-- what it may be charged with; without `reply` nothing is known of what was freed.
local function charge_after(kind, old, most, least, from, to, reply, key)
  if kind == 'l' then return old and old < 0 and -most or most end
  if kind == 'k' then return most end
  if kind == 'n' then return old or -least end
  local answered = type(reply)
  if kind == 's' or kind == 'h' then
    local all_new = not old or reply == (to - from + 1) / (kind == 'h' and 2 or 1)
    return all_new and (not old or old > 0) and most or -most
  end
  local freed = 0
  if kind == 'p' and answered == 'string' then
    freed = #reply
  elseif kind == 'p' and answered == 'table' then
    for n = 1, #reply do freed = freed + #reply[n] end
  elseif kind == 'm' and reply == to - from + 1 then
    for n = from, to do freed = freed + #ARGV[n] end
  elseif kind == 'g' and answered == 'table' then
    -- Entries that became pending: of XREADGROUP by key, of XAUTOCLAIM behind a cursor, else XCLAIM's.
    local entries = reply
    if type(reply[2]) == 'table' and type(reply[1]) == 'string' then entries = reply[2] end
    for n = 1, #reply do
      if type(reply[n]) == 'table' and reply[n][1] == key then entries = reply[n][2] end
    end
    freed = -150 * #entries
  end
  return -math.max(least, most - freed)
end
