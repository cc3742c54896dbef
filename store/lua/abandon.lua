-- worker
-- include: base

for _, id in ipairs(redis.call('ZRANGE', ACTIVE, 0, -1)) do
  if get(job(id), 'worker') == ARGV[1] then redis.call('ZADD', ACTIVE, 0, id) end
end
