-- job, worker, attempt, lease
-- include: steps

local id, worker, attempt, lease = unpack(ARGV)
if owned(id, worker, attempt) then redis.call('ZADD', ACTIVE, 'XX', now() + lease, id) end
return verdict(id, worker, attempt)
