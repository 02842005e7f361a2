-- What happens at a limit. It is made when it is needed only, since most calls never come here.
-- The sum of the charges is taken anew when it has grown by a tenth of the limit since it was last taken, or after a hundred times as long
-- as that took: so for one automation it takes no more than about a hundredth of the Redis's time, and no refused write repeats it.

local function make_quota()
  local accounts = base .. 'q'
  local hour_ms, least_pause_ms = 3600000, 100
  local max_keys, max_elements = tonumber(ARGV[2]), tonumber(ARGV[4])

  local function microseconds()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
  end

  -- Forgets the kept outcomes that have lapsed; answers what the others are charged with, and the libraries of functions.
  local function charged_beside_keys()
    local sum, this_hour = tonumber(redis.call('HGET', base .. 'f', 'c') or '0'), math.floor(now / hour_ms)
    local flat = redis.call('HGETALL', accounts)
    for n = 1, #flat, 2 do
      local hour = tonumber(flat[n])
      if hour and hour <= this_hour then
        redis.call('HDEL', accounts, flat[n])
      elseif hour then
        sum = sum + flat[n + 1]
      end
    end
    return sum
  end

  -- The names in a flat list of name, entry... whose keys are gone.
  local function gone_of(flat)
    local keys, gone = {}, {}
    for n = 1, #flat, 2 do
      local expires = string.match(flat[n + 1], '^%d+:%d+:%d+:(%d+)')
      gone[flat[n]] = not expires or expires ~= '0' and tonumber(expires) < now
      keys[#keys + 1] = base .. 'k:' .. flat[n]
    end
    each_lost(keys, function(n) gone[flat[2 * n - 1]] = true end)
    return gone
  end

  local function measured(name)
    local usage = redis.pcall('MEMORY', 'USAGE', base .. 'k:' .. name, 'SAMPLES', 0)
    return type(usage) == 'number' and usage + #name + 120
  end

  -- Takes the sum anew: what a negative charge stands for is measured, and index entries without a key are dropped, unless some process is
  -- about to tell of them. Nothing may have been charged that is not in the index. `latest` has further entries by name.
  local function take_sum(latest)
    local began = microseconds()
    local flat = redis.call('HGETALL', KEYS[2])
    local gone, sum, fields, found = gone_of(flat), charged_beside_keys(), {}, {}
    local is_told = redis.call('EXISTS', watcher) == 1
    for n = 1, #flat, 2 do
      local name = flat[n]
      if gone[name] and is_told then
        sum = sum + math.abs(tonumber(string.match(flat[n + 1], '^%d+:%d+:%d+:%d+:(-?%d+)$') or '0'))
      elseif gone[name] then
        redis.call('HDEL', KEYS[2], name)
      else
        local entry, charge = string.match(flat[n + 1], '^(%d+:%d+:%d+:%d+):?(-?%d*)$')
        local bytes = tonumber(charge)
        if not bytes or bytes < 0 then
          local most = bytes and bytes < -1 and -bytes or math.huge
          bytes = math.min(measured(name) or most, most)
          if bytes == math.huge then bytes = name_charge + 2 * #name end
          fields[#fields + 1] = name
          fields[#fields + 1] = entry .. ':' .. string.format('%.0f', bytes)
        end
        found[name] = bytes
        sum = sum + bytes
      end
    end
    for from = 1, #fields, most_words do
      redis.call('HSET', KEYS[2], unpack(fields, from, math.min(#fields, from + most_words - 1)))
    end
    if not is_told then dead = {} end
    for i = 3, #KEYS do
      if entries[i] then entries[i][5] = found[name_of(i)] or entries[i][5] end
    end
    for name, entry in pairs(latest or {}) do
      if entry then entry[5] = found[name] or entry[5] end
    end
    used, grown = sum, 0
    local text = string.format('%.0f', sum)
    redis.call('SET', counter, text)
    redis.call('HSET', accounts, 'at', string.format('%.0f', now), 'took', string.format('%.0f', microseconds() - began), 'sum', text)
  end

  -- Only once in a call: nothing expires while a script runs.
  local asked = false

  -- Takes the sum anew if it is time; false if it is not. `prepare` brings index and counter up to date before.
  local function retake(latest, prepare)
    if asked then return false end
    asked = true
    local last = redis.call('HMGET', accounts, 'at', 'took', 'sum')
    local at, took, sum = tonumber(last[1]), tonumber(last[2]), tonumber(last[3])
    if at and took and sum and used + grown - sum < max_bytes / 10 then
      local passed = now - at
      if passed >= 0 and (passed < least_pause_ms or passed * 10 < took) then return false end
    end
    if prepare then prepare() end
    take_sum(latest)
    return true
  end

  local lengths = { l = 'LLEN', i = 'LLEN', h = 'HLEN', s = 'SCARD', z = 'ZCARD', x = 'XLEN' }

  local function length_of(key, kind)
    local length = lengths[kind] and redis.pcall(lengths[kind], key)
    -- A command on another type fails by itself.
    return type(length) == 'number' and length or 0
  end

  -- Most elements that a command may add; `key` to leave out those that are there already.
  local function elements_in(kind, from, to, key)
    if kind == 'x' or kind == 'i' then return 1 end
    if not lengths[kind] then return 0 end
    if kind == 'z' then
      while from <= to and string.match(ARGV[from], '^%u+$') do from = from + 1 end
      from = from + 1
    end
    local lookup = key and (kind == 'h' and 'HEXISTS' or kind == 's' and 'SISMEMBER' or kind == 'z' and 'ZSCORE')
    local count = 0
    for n = from, to, (kind == 'h' or kind == 'z') and 2 or 1 do
      local known = lookup and redis.pcall(lookup, key, ARGV[n])
      if not known or known == 0 then count = count + 1 end
    end
    return count
  end

  -- XADD ... MAXLEN = n leaves no more than that.
  local function trims_to_fit(kind, from)
    if kind ~= 'x' then return false end
    local at = ARGV[from] == 'NOMKSTREAM' and from + 1 or from
    if ARGV[at] ~= 'MAXLEN' then return false end
    local most = tonumber(ARGV[ARGV[at + 1] == '=' and at + 2 or at + 1])
    return most and most <= max_elements or false
  end

  -- Whether a command would leave too many elements, `earlier` having been added before it: answers how many there are, else false.
  local function too_many(bytes, key, kind, from, to, earlier)
    if not lengths[kind] or bytes / least_element + earlier <= max_elements or trims_to_fit(kind, from) then return false end
    local length = length_of(key, kind)
    if length + earlier + elements_in(kind, from, to) <= max_elements then return false end
    local more = elements_in(kind, from, to, key)
    return more > 0 and length + earlier + more > max_elements and length
  end

  -- As a refusal tells it: which limit, how much is used, and how much is allowed.
  local function over(limit, amount, allowed)
    return { limit, string.format('%.0f', amount), string.format('%.0f', allowed) }
  end

  return {
    charged_beside_keys = charged_beside_keys,
    length_of = length_of,
    elements_in = elements_in,
    too_many = too_many,
    gone_of = gone_of,
    take_sum = take_sum,
    retake = retake,
    over_bytes = function() return over('bytes', used + grown, max_bytes) end,
    over_keys = function() return over('keys', redis.call('HLEN', KEYS[2]), max_keys) end,
    over_elements = function(length) return over('elements', length, max_elements) end,
  }
end

local made_quota
local function quota()
  made_quota = made_quota or make_quota()
  return made_quota
end
