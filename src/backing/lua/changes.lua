-- Changed keys are told to the processes whose clients track keys, while there are any: one of them keeps the stamp in `tracked` alive.
-- A message is the time, and for each change: length of the name, version after it (with a '+' when several requests made it), expires
-- ('0' without a TTL, '' when the key is gone), name. That everything was deleted is the message '*'.
local tracked, changes_channel = base .. 't', base .. 'm'
local told = false

-- `stamp` is what stands in `tracked`, if anything.
local function begin_changes(stamp)
  told = stamp and {} or false
end

local function note_change(name, version, expires)
  if told then told[#told + 1] = #name .. ':' .. version .. ':' .. expires .. ':' .. name end
end

local function tell_changes()
  if told and told[1] then redis.call('PUBLISH', changes_channel, string.format('%.0f:', now) .. table.concat(told)) end
end
