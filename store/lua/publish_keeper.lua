-- keeper, milliseconds
-- include: base

redis.call('ZADD', KEEPERS, now() + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEEPERS, '-inf', now() - MINUTE)
