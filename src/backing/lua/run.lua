-- Runs native commands with their bookkeeping, as one write request.
-- ARGV[2] most keys allowed, ARGV[3] expected version or '', then for each operation:
--   data key (index into KEYS), after, changed, number of arguments, arguments...
--   The key is put behind the first of them; behind n more, and followed by further keys, if `changed` is `<letter><n>[+<data key>...]`.
--   after   how the key is left: S(et, no TTL), K(eeps its TTL), C(heck), D(eleted); a lower-case letter cannot create the key
--   changed by which reply something was written: a(ny), e(xisting key), p(ositive number), n(ot nil), r (none: it only reads),
--           l(ist that is not empty), g(roup read: it holds entries of the key), c(laimed: XAUTOCLAIM claimed or dropped entries)
-- Answers {1, version, now, keys created, reply...}, {0, version} when the expected version differs, or {2} when the quota is reached.
local limit = tonumber(ARGV[2])
if ARGV[3] ~= '' then
  local version = redis.call('GET', KEYS[1]) or '0'
  if version ~= ARGV[3] then return { 0, tonumber(version) } end
end

read_entries()
local last = #ARGV
local at = 4
local missing, seen = 0, {}
while at <= last do
  local i = tonumber(ARGV[at])
  local after = ARGV[at + 1]
  if after < 'a' and after ~= 'D' and not seen[i] and not entry_of(i) then
    seen[i] = true
    missing = missing + 1
  end
  at = at + 4 + ARGV[at + 3]
end
if missing > 0 and over_quota(missing, limit) then return { 2 } end

local replies = { 1, false, string.format('%.0f', now), 0 }
local version = false
local created = 0

local function book(i, after)
  version = version or redis.call('INCR', KEYS[1])
  local entry = entry_of(i)
  local exists, expires = left_as(after, KEYS[i], entry)
  if exists then
    if not entry then created = created + 1 end
    local since = entry and entry[1] or string.format('%.0f', now)
    record(i, since, version, expires)
    entries[i] = { since, version, expires }
  else
    forget(i, version)
    entries[i] = false
  end
  -- A string serves nobody who waits.
  if after ~= 'S' then wake(i) end
end

-- Runs the operation at `at` when its key is not the second word, or when it has several. Answers reply, rule, and the indexes of the keys.
local function run_apart(count)
  local rule, between, more = string.match(ARGV[at + 2], '^(%l)(%d+)(.*)$')
  local keys = { tonumber(ARGV[at]) }
  for i in string.gmatch(more, '%d+') do keys[#keys + 1] = tonumber(i) end
  local words = { unpack(ARGV, at + 4, at + 4 + between) }
  for k = 1, #keys do words[#words + 1] = KEYS[keys[k]] end
  for w = at + 5 + between, at + 3 + count do words[#words + 1] = ARGV[w] end
  return redis.pcall(unpack(words)), rule, keys
end

at = 4
while at <= last do
  local count = tonumber(ARGV[at + 3])
  local rule = ARGV[at + 2]
  if #rule == 1 then
    local i = tonumber(ARGV[at])
    local reply = redis.pcall(ARGV[at + 4], KEYS[i], unpack(ARGV, at + 5, at + 3 + count))
    replies[#replies + 1] = reply
    if changed_by(rule, reply, i) then book(i, string.upper(ARGV[at + 1])) end
  else
    local reply, letter, keys = run_apart(count)
    replies[#replies + 1] = reply
    for k = 1, #keys do
      if changed_by(letter, reply, keys[k]) then book(keys[k], string.upper(ARGV[at + 1])) end
    end
  end
  at = at + 4 + count
end
replies[2] = version or tonumber(redis.call('GET', KEYS[1]) or '0')
replies[4] = created
return replies
