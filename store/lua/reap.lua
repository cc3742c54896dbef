-- attempts, milliseconds a popped job may take to begin, error of lost jobs
-- include: steps

local attempts, patience, lost = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local at, again, ended = now(), {}, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', at, 'LIMIT', 0, 100)) do
  if get(job(id), 'status') ~= 'processing' then
    redis.call('ZREM', ACTIVE, id)
  elseif why_stop(id) ~= '' then
    stop(id, why_stop(id))
    table.insert(ended, id)
  elseif redis.call('HINCRBY', job(id), 'losses', 1) >= attempts then
    finish(id, 'failed', '', lost, lost)
    table.insert(ended, id)
  else
    queue_again(id)
    table.insert(again, id)
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DEADLINES, '-inf', at, 'LIMIT', 0, 100)) do
  redis.call('ZREM', DEADLINES, id)
  if get(job(id), 'status') == 'queued' then finish(id, 'aborted', '', LATE, SOURCE_LATE) end
end
for _, id in ipairs(redis.call('LRANGE', TAKEN, 0, 99)) do
  local seen = popped(id)
  local first = redis.call('SET', seen, at, 'NX', 'PX', MINUTE)
  if not first and at - redis.call('GET', seen) >= patience then
    redis.call('DEL', seen)
    redis.call('LREM', TAKEN, 0, id)
    if get(job(id), 'status') == 'queued' and get(job(id), 'held') == '' then
      push(id, 'LPUSH')
      table.insert(again, id)
    end
  end
end
redis.call('ZREMRANGEBYSCORE', RUNNING_RQ, 0, math.floor(at / 1000) - 60)
return {again, ended}
