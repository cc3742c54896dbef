-- how many at most
-- include: base

return redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now(), 'LIMIT', 0, ARGV[1])
