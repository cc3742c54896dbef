"""Webhooks that are owed: taken for a while by one process, and settled by it."""

from typing import Final

from store.scripts.common import COMMON

# lease
TAKE: Final = (
    COMMON
    + """
local at = now()
for _, owed in ipairs(redis.call('ZRANGEBYSCORE', OUTBOX, '-inf', at, 'LIMIT', 0, 100)) do
  local id, url = owed:match('^(%S+) (.*)$')
  if redis.call('EXISTS', job(id)) == 1 then
    redis.call('ZADD', OUTBOX, at + ARGV[1], owed)
    local attempt = redis.call('HINCRBY', TRIES, owed, 1)
    return {id, get(job(id), 'tenant'), url, attempt, get(job(id), 'request_id')}
  end
  owe_nothing(id, url)
end
return false
"""
)

# job, url, attempt, entry for the log, milliseconds until the next try or nothing
SETTLE: Final = (
    COMMON
    + """
local id, url, attempt, entry, delay = unpack(ARGV)
if redis.call('LINDEX', deliveries(id), -1) == entry then return 1 end
if get(TRIES, id .. ' ' .. url) ~= attempt then return 0 end
redis.call('RPUSH', deliveries(id), entry)
redis.call('LTRIM', deliveries(id), -50, -1)
redis.call('PEXPIREAT', deliveries(id), tonumber(get(job(id), 'expires')) or now())
if delay == '' then owe_nothing(id, url) else owe(id, url, now() + delay) end
return 1
"""
)
