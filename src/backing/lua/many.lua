-- Runs several write requests, each of one native command on one key, as if they came one after the other: what they read and write of the
-- bookkeeping is read and written once.
-- KEYS[3..] the data key of each request; ARGV[2..4] the limits, then for each request: after, changed, the kind of its charge and the
-- number of words that follow its command, in one word (`Saw1`), the command, the words behind its key.
-- Answers {now, then for each request: its reply, the version after it, 1 if it made its key, 2 if it changed it otherwise, else 0}; the version
-- is -1 when a limit refused it, and the reply says which one. Or {false, events}, and nothing was run: the automation wants to be told of
-- events, so they have to be computed.
local requests = #KEYS - 2
local names = {}
for r = 1, requests do names[r] = name_of(r + 2) end
read_entries()
local counters = redis.call('MGET', KEYS[1], counter, events_key, tracked)
if counters[3] then return { false, counters[3] } end
begin_changes(counters[4])
local before = tonumber(counters[1] or '0')
used = tonumber(counters[2])
if not used then quota().take_sum() end
local anyone_waits = redis.call('EXISTS', waited) == 1
local stamp = string.format('%.0f', now)
local version = before
local made = 0
-- By name: false, or {created, version, expires, false, charge}; `touched` holds the request that changed it last, `order` the names that were touched, and
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

-- Notes what a request left behind; answers 1 if it made its key, else 2.
local function book(r, after, charge)
  local name = names[r]
  local old = entry(r)
  local was = old and old[5] or dead[name] or 0
  version = version + 1
  if not touched[name] then order[#order + 1] = name end
  touched[name] = r
  unwritten[name] = true
  local exists, expires = left_as(after, KEYS[r + 2], old)
  grown = grown + (exists and (charge < 0 and -charge or charge) or 0) - (was < 0 and -was or was)
  if was ~= 0 and not old then dead[name] = nil end
  note_change(name, version, exists and expires or '')
  if not exists then
    if old then made = made - 1 end
    latest[name] = false
    gone[name] = version
    return 2
  end
  latest[name] = { old and old[1] or stamp, version, expires, false, charge }
  if old then return 2 end
  made = made + 1
  return 1
end

-- Brings the index and the counter up to date.
local function settle()
  local fields = {}
  for n = 1, #order do
    local name = order[n]
    local left = latest[name]
    if not unwritten[name] then
      -- It was written before, and has not been touched since.
    elseif left then
      fields[#fields + 1] = name
      fields[#fields + 1] = left[1] .. ':' .. stamp .. ':' .. left[2] .. ':' .. left[3] .. ':' .. left[5]
    else
      forget(touched[name] + 2, gone[name])
    end
  end
  if #fields > 0 then redis.call('HSET', KEYS[2], unpack(fields)) end
  unwritten = {}
  made = 0
  if grown == 0 then return end
  redis.call('INCRBY', counter, string.format('%.0f', grown))
  used = used + grown
  grown = 0
end

-- Why a request is refused that seems to go beyond a limit, else false. Only an index that knows of the requests so far can be counted and
-- freed of what has expired.
local function refusal(r, makes, needs_room, kind, from, to, least)
  local old, name, limits = entry(r), names[r], quota()
  local function lacks_name()
    return makes and not old and redis.call('HLEN', KEYS[2]) + made + 1 > tonumber(ARGV[2])
  end
  local function most()
    return most_after(kind, least, old and math.abs(old[5]), from, to, true)
  end
  local function lacks_room()
    local more = needs_room and most() - math.abs(old and old[5] or dead[name] or 0) or 0
    return more > 0 and used + grown + more > max_bytes
  end
  if lacks_name() then
    settle()
    if lacks_name() and not (limits.retake(latest) and not lacks_name()) then return limits.over_keys() end
  end
  if lacks_room() and not (limits.retake(latest, settle) and not lacks_room()) then return limits.over_bytes() end
  local length = needs_room and limits.too_many(most(), KEYS[r + 2], kind, from, to, 0)
  return length and limits.over_elements(length)
end

-- The first word of a request, taken apart once for all that are alike.
local shapes = {}
local function shape_of(word)
  local shape = { string.sub(word, 1, 1), string.sub(word, 2, 2), tonumber(string.sub(word, 4)), string.sub(word, 3, 3) }
  -- Whether it may make a key, and how it leaves one, as book() wants it.
  shape[5] = shape[1] < 'a' and shape[1] ~= 'D'
  shape[6] = string.upper(shape[1])
  shape[7] = not string.find(roomless, shape[4], 1, true)
  shapes[word] = shape
  return shape
end

local answer = { stamp }
local at = 5
for r = 1, requests do
  local shape = shapes[ARGV[at]] or shape_of(ARGV[at])
  local rule, count, kind = shape[2], shape[3], shape[4]
  local from, to = at + 2, at + 1 + count
  local created, shown = 0, version
  local old, reply = entry(r), false
  -- The least and the most that its key may be charged with after it.
  local least = name_charge + 2 * #names[r]
  local most = most_after(kind, least, old and math.abs(old[5]), from, to, shape[7])
  if shape[7] and (used + grown + most > max_bytes or kind ~= 'w' and most / least_element - ARGV[4] > 0)
    or shape[5] and not old and redis.call('HLEN', KEYS[2]) + made + 1 - ARGV[2] > 0 then
    reply = refusal(r, shape[5], shape[7], kind, from, to, least)
    -- It may have found that the key is charged with less, or is gone.
    old = entry(r)
    most = most_after(kind, least, old and math.abs(old[5]), from, to, shape[7])
  end
  if reply then
    shown = -1
  else
    if count == 1 then
      reply = redis.pcall(ARGV[at + 1], KEYS[r + 2], ARGV[from])
    else
      reply = redis.pcall(ARGV[at + 1], KEYS[r + 2], unpack(ARGV, from, to))
    end
    local changed
    if rule == 'e' then
      changed = entry(r) ~= false and not (type(reply) == 'table' and reply.err)
    else
      changed = changed_by(rule, reply, r + 2)
    end
    if changed then
      if kind ~= 'w' then most = charge_after(kind, old and old[5], most, least, from, to, reply, KEYS[r + 2]) end
      created = book(r, shape[6], most)
    end
    shown = version
  end
  local n = 3 * r - 1
  answer[n], answer[n + 1], answer[n + 2] = reply, shown, created
  at = at + 2 + count
end

if version > before then redis.call('INCRBY', KEYS[1], version - before) end
settle()
tell_changes()
if anyone_waits then
  for n = 1, #order do wake(touched[order[n]] + 2) end
end
return answer
