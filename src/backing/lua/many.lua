-- Runs several write requests, each of one native command on one key, as if they came one after the other: what they read and write of the
-- bookkeeping is read and written once.
-- KEYS[3..] the data key of each request; ARGV[2] most keys allowed, then for each request: after, changed and the number of words that
-- follow its command, in one word (`Sa1`), the command, the words behind its key.
-- Answers {now, then for each request: its reply, the version after it, 1 if it made its key}; the version is -1 when the quota refused it.
local limit = tonumber(ARGV[2])
local requests = #KEYS - 2
local names = {}
for r = 1, requests do names[r] = name_of(r + 2) end
read_entries()
local before = tonumber(redis.call('GET', KEYS[1]) or '0')
local anyone_waits = redis.call('EXISTS', waited) == 1
local stamp = string.format('%.0f', now)
local version = before
local added = 0
-- By name: false, or {created, version, expires}; `touched` holds the request that changed it last, `order` the names that were touched, and
-- `unwritten` those of which the index does not know yet.
local latest, touched, order, unwritten = {}, {}, {}, {}
-- By name: the version that deleted it.
local gone = {}

local function entry(r)
  local name = names[r]
  local found = latest[name]
  if found == nil then
    found = entry_of(r + 2)
    latest[name] = found
  end
  return found
end

-- Notes what a request left behind; answers 1 if it made its key.
local function book(r, after)
  local name = names[r]
  local old = entry(r)
  version = version + 1
  if not touched[name] then order[#order + 1] = name end
  touched[name] = r
  unwritten[name] = true
  local exists, expires = left_as(after, KEYS[r + 2], old)
  if not exists then
    if old then added = added - 1 end
    latest[name] = false
    gone[name] = version
    return 0
  end
  latest[name] = { old and old[1] or stamp, version, expires }
  if old then return 0 end
  added = added + 1
  return 1
end

-- Brings the index up to date.
local function write_index()
  local fields = {}
  for n = 1, #order do
    local name = order[n]
    local left = latest[name]
    if not unwritten[name] then
      -- It was written before, and has not been touched since.
    elseif left then
      fields[#fields + 1] = name
      fields[#fields + 1] = left[1] .. ':' .. stamp .. ':' .. left[2] .. ':' .. left[3]
    else
      forget(touched[name] + 2, gone[name])
    end
  end
  if #fields > 0 then redis.call('HSET', KEYS[2], unpack(fields)) end
  unwritten = {}
  added = 0
end

-- Whether one more key is too many. Only an index that knows of the requests so far can be counted and freed of what has expired.
local function is_full()
  if redis.call('HLEN', KEYS[2]) + added + 1 <= limit then return false end
  write_index()
  return over_quota(1, limit)
end

-- The first word of a request, taken apart once for all that are alike.
local shapes = {}
local function shape_of(word)
  local shape = { string.sub(word, 1, 1), string.sub(word, 2, 2), tonumber(string.sub(word, 3)) }
  -- Whether it may make a key, and how it leaves one, as book() wants it.
  shape[4] = shape[1] < 'a' and shape[1] ~= 'D'
  shape[5] = string.upper(shape[1])
  shapes[word] = shape
  return shape
end

local answer = { stamp }
local at = 3
for r = 1, requests do
  local shape = shapes[ARGV[at]] or shape_of(ARGV[at])
  local rule, count = shape[2], shape[3]
  local reply, created = false, 0
  local shown = version
  if shape[4] and not entry(r) and is_full() then
    shown = -1
  else
    if count == 1 then
      reply = redis.pcall(ARGV[at + 1], KEYS[r + 2], ARGV[at + 2])
    else
      reply = redis.pcall(ARGV[at + 1], KEYS[r + 2], unpack(ARGV, at + 2, at + 1 + count))
    end
    local changed
    if rule == 'e' then
      changed = entry(r) ~= false and not (type(reply) == 'table' and reply.err)
    else
      changed = changed_by(rule, reply, r + 2)
    end
    if changed then created = book(r, shape[5]) end
    shown = version
  end
  local n = 3 * r - 1
  answer[n], answer[n + 1], answer[n + 2] = reply, shown, created
  at = at + 2 + count
end

if version > before then redis.call('INCRBY', KEYS[1], version - before) end
write_index()
if anyone_waits then
  for n = 1, #order do wake(touched[order[n]] + 2) end
end
return answer
