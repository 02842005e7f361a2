-- Applies what was computed from a snapshot, if nothing that it was computed from has changed since.
-- ARGV[2..4] the limits, ARGV[5] expected version or '', ARGV[6] number of write requests in it,
-- ARGV[7] number of guards, then pairs: data key, version of its last write as the snapshot saw it ('0': absent), or its index entry up to
-- the charge;
-- number of operations, then each: number of arguments, data key, kind of its charge, command (with its subcommand after a space), further
-- arguments...;
-- number of changed keys, then each: data key, which of the requests changed it last, expires or '' when it is gone, the sum of 1 when it was
-- made anew and 2 when several of the requests changed it;
-- stamp of the listeners that the messages were counted by ('*': they were not counted), the events that it was computed for, number of
-- messages, then each, sealed;
-- stamp of the libraries that were looked at ('*': none was), then what changes of them (see libraries);
-- number of receipts, then each: how many of the requests were made by then, its lifetime in milliseconds, the outcome, number of names,
-- names (it is stored under the first, and must not be there under any);
-- then what to read on a conflict (see snapshot).
-- Answers {1, version, now}, with the error behind them when messages could not be sent; {0, snapshot...} on a conflict; {2, limit, used,
-- allowed} when one is reached; {3} when a receipt is there; {4, stamp, records of the listeners} when others listen now, or {5, all of
-- the hash of libraries} when these are others.
local requests = tonumber(ARGV[6])
local guards = tonumber(ARGV[7])
local operations_at = 8 + 2 * guards
local at = operations_at + 1
for _ = 1, tonumber(ARGV[operations_at]) do at = at + 1 + ARGV[at] end
local changes_at = at
local changes = tonumber(ARGV[changes_at])
local messages_at = changes_at + 1 + 4 * changes
local messages = tonumber(ARGV[messages_at + 2])
local libraries_at = messages_at + 3 + messages
local receipts_at = end_of_library_changes(libraries_at + 1) + 1
local receipts = tonumber(ARGV[receipts_at])
local reads_at = receipts_at + 1
local receipt_prefix = base .. 'r:'
for _ = 1, receipts do
  for n = reads_at + 4, reads_at + 3 + ARGV[reads_at + 3] do
    if redis.call('EXISTS', receipt_prefix .. ARGV[n]) == 1 then return { 3 } end
  end
  reads_at = reads_at + 4 + ARGV[reads_at + 3]
end

-- Whether an index entry is the one that a guard names, whatever it is charged with.
local function has_guard(raw, guard)
  return string.match(raw, '^%d+:%d+:%d+:%d+') == guard
end

local function conflict()
  local found = snapshot(reads_at)
  table.insert(found, 1, 0)
  return found
end

if events ~= ARGV[messages_at + 1] then return conflict() end
if ARGV[5] ~= '' and (redis.call('GET', KEYS[1]) or '0') ~= ARGV[5] then return conflict() end
read_entries()
for g = 0, guards - 1 do
  local i = tonumber(ARGV[8 + 2 * g])
  local entry, guard = entry_of(i), ARGV[9 + 2 * g]
  if (entry and entry[2] or '0') ~= guard and not (entry and has_guard(entry[4], guard)) then return conflict() end
end

if ARGV[messages_at] ~= '*' then
  local stamp = stamp_of_listeners()
  if stamp ~= ARGV[messages_at] then return { 4, stamp, redis.call('HGETALL', listeners) } end
end

if ARGV[libraries_at] ~= '*' and ARGV[libraries_at] ~= stamp_of_libraries() then return { 5, redis.call('HGETALL', libraries) } end

-- What only publishes is charged with nothing.
if not used and (requests > 0 or receipts > 0) then quota().take_sum() end
local more = 0
for c = 0, changes - 1 do
  local known = entry_of(tonumber(ARGV[changes_at + 1 + 4 * c]))
  local exists = ARGV[changes_at + 3 + 4 * c] ~= ''
  if exists and not known then more = more + 1 end
  if known and not exists then more = more - 1 end
end

-- Elements that an operation takes away for certain.
local function taken_by(command, from, to)
  if command == 'LPOP' or command == 'RPOP' then return tonumber(ARGV[from] or '1') end
  if command == 'LREM' then return 1 end
  return (command == 'HDEL' or command == 'SREM' or command == 'ZREM' or command == 'XDEL') and to - from + 1 or 0
end

-- What the operations make of each key: its charge; the places of those that add elements, how many these are less those that are taken
-- away, and how many there were before, if that does not depend on the key.
local plans
local function plan_operations()
  plans = {}
  local at = operations_at + 1
  for _ = 1, tonumber(ARGV[operations_at]) do
    local i, kind, command, from, to = tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], at + 4, at + ARGV[at]
    local entry = entry_of(i)
    local plan = plans[i] or { charge = entry and entry[5] or false, more = 0, start = false, adding = {} }
    plans[i] = plan
    if kind == 'd' then
      plan.charge, plan.more, plan.start, plan.adding = false, 0, 0, {}
    else
      if command == 'LTRIM' then
        plan.start, plan.more = ARGV[to] - ARGV[from] + 1, 0
      elseif needs_room(kind) then
        plan.adding[#plan.adding + 1] = at
        plan.more = plan.more + quota().elements_in(kind, from, to)
      else
        plan.more = plan.more - taken_by(command, from, to)
      end
      plan.charge = charge_of(kind, name_of(i), plan.charge, from, to)
    end
    at = at + 1 + ARGV[at]
  end
end

-- How many elements a key has that would hold too many, else false.
local function excess()
  for i, plan in pairs(plans) do
    local adding = plan.adding
    if plan.more > 0 and may_be_too_many(math.abs(plan.charge or 0)) then
      local length = quota().length_of(KEYS[i], ARGV[adding[1] + 2])
      local start, count = plan.start or length, plan.more
      local most = math.max(tonumber(ARGV[4]), length)
      if start + count > most and start == length then
        for a = 1, #adding do
          local kind, from, to = ARGV[adding[a] + 2], adding[a] + 4, adding[a] + ARGV[adding[a]]
          count = count - quota().elements_in(kind, from, to) + quota().elements_in(kind, from, to, KEYS[i])
        end
      end
      if start + count > most then return length end
    end
  end
  return false
end

local function outcome_charge(at)
  return #ARGV[at + 2] + #ARGV[at + 4] + prefix_length + 140
end

-- How many more bytes there will be.
local function planned_growth()
  local sum = library_growth(libraries_at + 1)
  for i, plan in pairs(plans) do
    local entry = entry_of(i)
    sum = sum + math.abs(plan.charge or 0) - math.abs(entry and entry[5] or dead[name_of(i)] or 0)
  end
  local at = receipts_at + 1
  for _ = 1, receipts do
    sum = sum + outcome_charge(at)
    at = at + 4 + ARGV[at + 3]
  end
  return sum
end

plan_operations()
local growth = planned_growth()
if (lacks_names(more) or lacks_room(growth)) and quota().retake() then
  plan_operations()
  growth = planned_growth()
end
local length = excess()
local refused = lacks_names(more) and quota().over_keys() or lacks_room(growth) and quota().over_bytes()
  or length and quota().over_elements(length)
if refused then return { 2, unpack(refused) } end

at = operations_at + 1
for _ = 1, tonumber(ARGV[operations_at]) do
  local count = tonumber(ARGV[at])
  local key, command = KEYS[tonumber(ARGV[at + 1])], ARGV[at + 3]
  local space = string.find(command, ' ', 1, true)
  if space then
    redis.call(string.sub(command, 1, space - 1), string.sub(command, space + 1), key, unpack(ARGV, at + 4, at + count))
  else
    redis.call(command, key, unpack(ARGV, at + 4, at + count))
  end
  at = at + 1 + count
end

local before
if requests > 0 then
  before = redis.call('INCRBY', KEYS[1], requests) - requests
else
  before = tonumber(redis.call('GET', KEYS[1]) or '0')
end
for c = 0, changes - 1 do
  local base = changes_at + 1 + 4 * c
  local i = tonumber(ARGV[base])
  local expires = ARGV[base + 2]
  local entry = entry_of(i)
  local charged = math.abs(entry and entry[5] or dead[name_of(i)] or 0)
  if expires == '' then
    grown = grown - charged
    forget(i, before + tonumber(ARGV[base + 1]))
  else
    local since = entry and ARGV[base + 3] % 2 == 0 and entry[1] or string.format('%.0f', now)
    local charge = plans[i] and plans[i].charge or entry and entry[5] or -(name_charge + 2 * #name_of(i))
    grown = grown + math.abs(charge) - charged
    record(i, since, before + tonumber(ARGV[base + 1]), expires, charge)
  end
  note_change(name_of(i), before + ARGV[base + 1] .. (ARGV[base + 3] - 1 > 0 and '+' or ''), expires)
  wake(i)
end
at = receipts_at + 1
for _ = 1, receipts do
  local stored = string.format('%.0f:%.0f:', before + tonumber(ARGV[at]), now) .. ARGV[at + 2]
  redis.call('SET', receipt_prefix .. ARGV[at + 4], stored, 'PX', ARGV[at + 1])
  local lapsed_by = string.format('%.0f', math.floor((now + ARGV[at + 1]) / 3600000) + 1)
  redis.call('HINCRBY', base .. 'q', lapsed_by, outcome_charge(at))
  grown = grown + outcome_charge(at)
  at = at + 4 + ARGV[at + 3]
end
keep_libraries(libraries_at + 1)
keep_usage()
tell_changes()
-- The data is written: a message that cannot be sent (the Redis denies the channel to its user) is lost, and makes no error of that.
local unsent
for m = messages_at + 3, messages_at + 2 + messages do
  local sent = redis.pcall('PUBLISH', messages_channel, ARGV[m])
  if type(sent) == 'table' then unsent = sent end
end
return { 1, before + requests, string.format('%.0f', now), unsent }
