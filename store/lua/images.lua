-- images
-- include: base

local found = {}
for _, id in ipairs(ARGV) do
  local listed = {}
  for _, rid in ipairs(redis.call('ZRANGE', records(id), 0, -1)) do
    table.insert(listed, {rid, redis.call('HGETALL', record(id, rid))})
  end
  table.insert(found, {redis.call('HGETALL', image(id)), listed})
end
return found
