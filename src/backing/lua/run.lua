-- Runs native commands with their bookkeeping, as one write request.
-- ARGV[2] most keys allowed, ARGV[3] expected version or '', then for each operation:
--   data key (index into KEYS), after, changed, number of arguments, arguments... (the key is their second, as in every native command used here)
--   after   how the key is left: S(et, no TTL), K(eeps its TTL), C(heck), D(eleted); a lower-case letter cannot create the key
--   changed by which reply something was written: a(ny), e(xisting key), p(ositive number), n(ot nil)
-- Answers {1, version, now, keys created, reply...}, {0, version} when the expected version differs, or {2} when the quota is reached.
local limit = tonumber(ARGV[2])
if ARGV[3] ~= '' then
  local version = redis.call('GET', KEYS[1]) or '0'
  if version ~= ARGV[3] then return { 0, tonumber(version) } end
end

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

-- Whether a key is there, and the moment at which it expires. PTTL counts from its own look at the clock: between equal readings it is exact.
local function expiry_of(key)
  while true do
    local before = clock()
    local ttl = redis.call('PTTL', key)
    if ttl < 0 then return ttl ~= -2, '0' end
    if clock() == before then return true, string.format('%.0f', before + ttl) end
  end
end

local replies = { 1, false, string.format('%.0f', now), 0 }
local version = false
local created = 0
at = 4
while at <= last do
  local i = tonumber(ARGV[at])
  local count = tonumber(ARGV[at + 3])
  local reply = redis.pcall(ARGV[at + 4], KEYS[i], unpack(ARGV, at + 5, at + 3 + count))
  replies[#replies + 1] = reply
  local kind = type(reply)
  local changed
  if kind == 'table' and reply.err then
    changed = false
  else
    local rule = ARGV[at + 2]
    if rule == 'a' then
      changed = true
    elseif rule == 'e' then
      changed = entry_of(i) ~= false
    elseif rule == 'n' then
      changed = reply ~= false
    else
      changed = kind == 'number' and reply > 0
    end
  end
  if changed then
    version = version or redis.call('INCR', KEYS[1])
    local after = string.upper(ARGV[at + 1])
    local entry = entry_of(i)
    local expires = entry and entry[3] or '0'
    local exists = after ~= 'D'
    if after == 'S' then
      expires = '0'
    elseif after == 'C' then
      exists, expires = expiry_of(KEYS[i])
    end
    if exists then
      if not entry then created = created + 1 end
      local since = entry and entry[1] or string.format('%.0f', now)
      record(i, since, version, expires)
      entries[i] = { since, version, expires }
    else
      redis.call('HDEL', KEYS[2], name_of(i))
      entries[i] = false
    end
  end
  at = at + 4 + count
end
replies[2] = version or tonumber(redis.call('GET', KEYS[1]) or '0')
replies[4] = created
return replies
