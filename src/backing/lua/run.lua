-- Runs native commands with their bookkeeping, as one write request.
-- ARGV[2..4] the limits, ARGV[5] expected version or '', then for each operation:
--   data key (index into KEYS), after and the kind of its charge in one word (`Sw`), changed, number of arguments, arguments...
--   The key is put behind the first of them; behind n more, and followed by further keys, if `changed` is `<letter><n>[+<data key>...]`.
--   after   how the key is left: S(et, no TTL), K(eeps its TTL), C(heck), D(eleted); a lower-case letter cannot create the key
--   changed by which reply something was written: a(ny), e(xisting key), p(ositive number), n(ot nil), r (none: it only reads),
--           l(ist that is not empty), g(roup read: it holds entries of the key), c(laimed: XAUTOCLAIM claimed or dropped entries)
-- Answers {1, version, now, keys created, reply...}, the same with 4 when nothing was changed, {0, version} when the expected version differs,
-- or {2, limit, used, allowed} when one is reached; or {3, events}, and nothing was run: the automation wants to be told of events, so this
-- has to be computed.
if events ~= '' then return { 3, events } end
if ARGV[5] ~= '' then
  local version = redis.call('GET', KEYS[1]) or '0'
  if version ~= ARGV[5] then return { 0, tonumber(version) } end
end

read_entries()
if not used then quota().take_sum() end
local last = #ARGV

-- How many keys and bytes the request may add; and, if some key would hold too many elements, how many it has. Elements are counted only
-- once it is seen that some key may hold so many.
local counting = false
local function needs()
  local at, missing, bytes, full = 6, 0, 0, false
  -- By key: what it will be charged with, and how many elements were added.
  local charges, elements = {}, {}
  while at <= last do
    local i = tonumber(ARGV[at])
    local name, after, kind = name_of(i), string.sub(ARGV[at + 1], 1, 1), string.sub(ARGV[at + 1], 2)
    local from, to = at + 5, at + 3 + ARGV[at + 3]
    local entry, charge = entry_of(i), charges[i]
    if not charge then
      if after < 'a' and after ~= 'D' and not entry then missing = missing + 1 end
      charge, elements[i] = entry and math.abs(entry[5]) or 0, 0
      bytes = bytes - math.abs(entry and entry[5] or dead[name] or 0)
    end
    if kind == 'd' then
      charge = 0
    elseif needs_room(kind) then
      charge = most_after(kind, name_charge + 2 * #name, charge ~= 0 and charge, from, to, true)
      counting = counting or may_be_too_many(charge)
      if counting then
        full = full or quota().too_many(charge, KEYS[i], kind, from, to, elements[i])
        elements[i] = elements[i] + quota().elements_in(kind, from, to)
      end
    end
    charges[i] = charge
    at = at + 4 + ARGV[at + 3]
  end
  for _, charge in pairs(charges) do bytes = bytes + charge end
  return missing, bytes, full
end

local missing, bytes, full = needs()
if counting then missing, bytes, full = needs() end
if (lacks_names(missing) or lacks_room(bytes)) and quota().retake() then missing, bytes, full = needs() end
local refused = lacks_names(missing) and quota().over_keys() or lacks_room(bytes) and quota().over_bytes()
  or full and quota().over_elements(full)
if refused then return { 2, unpack(refused) } end

local replies = { 1, false, string.format('%.0f', now), 0 }
local version = false
local created = 0

local function book(i, after, kind, from, to, reply)
  version = version or redis.call('INCR', KEYS[1])
  local entry = entry_of(i)
  local exists, expires = left_as(after, KEYS[i], entry)
  local name = name_of(i)
  local charged = math.abs(entry and entry[5] or dead[name] or 0)
  dead[name] = nil
  if exists then
    if not entry then created = created + 1 end
    local since = entry and entry[1] or string.format('%.0f', now)
    local charge = charge_of(kind, name, entry and entry[5], from, to, reply, KEYS[i])
    grown = grown + math.abs(charge) - charged
    record(i, since, version, expires, charge)
    entries[i] = { since, version, expires, false, charge }
  else
    grown = grown - charged
    forget(i, version)
    entries[i] = false
  end
  note_change(name, version, exists and expires or '')
  -- A string serves nobody who waits.
  if after ~= 'S' then wake(i) end
end

local at = 6
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

while at <= last do
  local count = tonumber(ARGV[at + 3])
  local rule = ARGV[at + 2]
  local after, kind = string.upper(string.sub(ARGV[at + 1], 1, 1)), string.sub(ARGV[at + 1], 2)
  local from, to = at + 5, at + 3 + count
  if #rule == 1 then
    local i = tonumber(ARGV[at])
    local reply = redis.pcall(ARGV[at + 4], KEYS[i], unpack(ARGV, at + 5, at + 3 + count))
    replies[#replies + 1] = reply
    if changed_by(rule, reply, i) then book(i, after, kind, from, to, reply) end
  else
    local reply, letter, keys = run_apart(count)
    replies[#replies + 1] = reply
    -- XREADGROUP makes its consumer although there is nothing to read: that is no write request, but charged.
    local first = letter == 'g' and not reply and entry_of(keys[1])
    if first then
      local more = added(kind, from, to)
      grown = grown + more
      first[5] = -(math.abs(first[5]) + more)
      local raw = redis.call('HGET', KEYS[2], name_of(keys[1]))
      redis.call('HSET', KEYS[2], name_of(keys[1]), string.match(raw, '^%d+:%d+:%d+:%d+') .. ':' .. first[5])
    end
    for k = 1, #keys do
      if changed_by(letter, reply, keys[k]) then book(keys[k], after, kind, from, to, reply) end
    end
  end
  at = at + 4 + count
end
keep_usage()
tell_changes()
if not version then replies[1] = 4 end
replies[2] = version or tonumber(redis.call('GET', KEYS[1]) or '0')
replies[4] = created
return replies
