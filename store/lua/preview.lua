-- job, worker, attempt, picture
-- include: steps

local id, worker, attempt, picture = unpack(ARGV)
if owned(id, worker, attempt) and get(job(id), 'cancel') ~= 'deleted' then
  redis.call('SET', preview(id), picture)
end
return verdict(id, worker, attempt)
