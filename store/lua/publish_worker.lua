-- worker, model as JSON, milliseconds; forgets those that fell silent a minute ago
-- include: base

local worker, model, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('HSET', SERVES, worker, model)
redis.call('ZADD', WORKERS, now() + ttl, worker)
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, '-inf', now() - MINUTE)) do
  redis.call('HDEL', SERVES, silent)
  redis.call('ZREM', WORKERS, silent)
end
