-- Applies what was computed from a snapshot, if nothing that it was computed from has changed since.
-- ARGV[2] most keys allowed, ARGV[3] expected version or '', ARGV[4] number of write requests in it,
-- ARGV[5] number of guards, then pairs: data key, version of its last write as the snapshot saw it ('0': absent), or its whole index entry;
-- number of operations, then each: number of arguments, data key, command (with its subcommand after a space), further arguments...;
-- number of changed keys, then each: data key, which of the requests changed it last, expires or '' when it is gone, '1' when it was made anew;
-- number of receipts, then each: how many of the requests were made by then, its lifetime in milliseconds, the outcome, number of names,
-- names (it is stored under the first, and must not be there under any);
-- then what to read on a conflict (see snapshot).
-- Answers {1, version, now}, {0, snapshot...} on a conflict, {2} when the quota is reached, or {3} when a receipt is there.
local requests = tonumber(ARGV[4])
local guards = tonumber(ARGV[5])
local operations_at = 6 + 2 * guards
local at = operations_at + 1
for _ = 1, tonumber(ARGV[operations_at]) do at = at + 1 + ARGV[at] end
local changes_at = at
local changes = tonumber(ARGV[changes_at])
local receipts_at = changes_at + 1 + 4 * changes
local receipts = tonumber(ARGV[receipts_at])
local reads_at = receipts_at + 1
local receipt_prefix = base .. 'r:'
for _ = 1, receipts do
  for n = reads_at + 4, reads_at + 3 + ARGV[reads_at + 3] do
    if redis.call('EXISTS', receipt_prefix .. ARGV[n]) == 1 then return { 3 } end
  end
  reads_at = reads_at + 4 + ARGV[reads_at + 3]
end

local function conflict()
  local found = snapshot(reads_at)
  table.insert(found, 1, 0)
  return found
end

if ARGV[3] ~= '' and (redis.call('GET', KEYS[1]) or '0') ~= ARGV[3] then return conflict() end
read_entries()
for g = 0, guards - 1 do
  local i = tonumber(ARGV[6 + 2 * g])
  local entry, guard = entry_of(i), ARGV[7 + 2 * g]
  if (entry and entry[2] or '0') ~= guard and (entry and entry[4]) ~= guard then return conflict() end
end

local more = 0
for c = 0, changes - 1 do
  local known = entry_of(tonumber(ARGV[changes_at + 1 + 4 * c]))
  local exists = ARGV[changes_at + 3 + 4 * c] ~= ''
  if exists and not known then more = more + 1 end
  if known and not exists then more = more - 1 end
end
if more > 0 and over_quota(more, tonumber(ARGV[2])) then return { 2 } end

at = operations_at + 1
for _ = 1, tonumber(ARGV[operations_at]) do
  local count = tonumber(ARGV[at])
  local key, command = KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2]
  local space = string.find(command, ' ', 1, true)
  if space then
    redis.call(string.sub(command, 1, space - 1), string.sub(command, space + 1), key, unpack(ARGV, at + 3, at + count))
  else
    redis.call(command, key, unpack(ARGV, at + 3, at + count))
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
  if expires == '' then
    forget(i, before + tonumber(ARGV[base + 1]))
  else
    local entry = entry_of(i)
    local since = entry and ARGV[base + 3] ~= '1' and entry[1] or string.format('%.0f', now)
    record(i, since, before + tonumber(ARGV[base + 1]), expires)
  end
  wake(i)
end
at = receipts_at + 1
for _ = 1, receipts do
  local stored = string.format('%.0f:%.0f:', before + tonumber(ARGV[at]), now) .. ARGV[at + 2]
  redis.call('SET', receipt_prefix .. ARGV[at + 4], stored, 'PX', ARGV[at + 1])
  at = at + 4 + ARGV[at + 3]
end
return { 1, before + requests, string.format('%.0f', now) }
