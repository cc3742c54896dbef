-- include: names

local MINUTE = 60000

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function get(key, field) return redis.call('HGET', key, field) or '' end
local function many(key, ...)
  local found = redis.call('HMGET', key, ...)
  for i, value in ipairs(found) do found[i] = value or '' end
  return unpack(found)
end
