-- worker, model as JSON, its name, milliseconds; forgets workers that fell silent a minute ago
-- include: base

local worker, model, name, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
redis.call('HSET', SERVES, worker, model)
redis.call('HSET', MODELS, name, model)
redis.call('ZADD', WORKERS, now() + ttl, worker)
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, '-inf', now() - MINUTE)) do
  redis.call('HDEL', SERVES, silent)
  redis.call('ZREM', WORKERS, silent)
end
