-- lease
-- include: steps

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
