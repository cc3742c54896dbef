"""Who is there, by the store's own clock: those of the machines that ask may differ."""

from typing import Final

from store.scripts.common import COMMON

# worker, model as JSON, milliseconds; forgets those that fell silent a minute ago
PUBLISH_WORKER: Final = (
    COMMON
    + """
local worker, model, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('HSET', P .. 'workers:serve', worker, model)
redis.call('ZADD', P .. 'workers', now() + ttl, worker)
for _, silent in ipairs(redis.call('ZRANGEBYSCORE', P .. 'workers', '-inf', now() - MINUTE)) do
  redis.call('HDEL', P .. 'workers:serve', silent)
  redis.call('ZREM', P .. 'workers', silent)
end
"""
)

# keeper, milliseconds
PUBLISH_KEEPER: Final = (
    COMMON
    + """
redis.call('ZADD', P .. 'keepers', now() + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', P .. 'keepers', '-inf', now() - MINUTE)
"""
)
