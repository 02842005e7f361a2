-- For wrk: <method> <path> <body> <number of keys>; path and body may hold {key}. Prints one line of JSON at the end.
local method, path, body, keys

function init(args)
  method, path, body, keys = args[1], args[2], args[3], tonumber(args[4])
  if body == '' then body = nil end
end

-- Each mention of a key gets one of its own.
local function key()
  return string.format('bench:%d', math.random(0, keys - 1))
end

function request()
  return wrk.format(method, (string.gsub(path, '{key}', key)), nil, body and (string.gsub(body, '{key}', key)))
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"rate":%f,"p50":%f,"p99":%f,"count":%d,"failed":%d}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
