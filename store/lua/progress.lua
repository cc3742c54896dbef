-- job, worker, attempt, progress, seconds left or nothing
-- include: steps

local id, worker, attempt, progress, eta = unpack(ARGV)
if owned(id, worker, attempt) then
  redis.call('HSET', job(id), 'progress', progress, 'progressed', now())
  if eta == '' then
    redis.call('HDEL', job(id), 'eta')
    tell(id, 'progress', progress)
  else
    redis.call('HSET', job(id), 'eta', eta)
    tell(id, 'progress', progress, 'eta', eta)
  end
end
return verdict(id, worker, attempt)
