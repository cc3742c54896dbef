-- job, worker, lease
-- include: steps

local id, worker, lease = unpack(ARGV)

-- the version that accepted it knew one inversion per image, and held edits elsewhere
local function refuse_older()
  local held = held_before(get(job(id), 'image_id'))
  for _, edit in ipairs(redis.call('LRANGE', held, 0, -1)) do finish(edit, 'failed', '', OLDER, '') end
  redis.call('DEL', held)
  finish(id, 'failed', '', OLDER, '')
end

redis.call('LREM', TAKEN, 0, id)
local status = get(job(id), 'status')
if status == 'queued' and get(job(id), 'record') == '' then
  refuse_older()
  return false
elseif status == 'queued' and late(id) then
  finish(id, 'aborted', '', LATE, SOURCE_LATE)
  return false
elseif status == 'queued' and get(job(id), 'held') == '' then
  redis.call('HSET', job(id), 'status', 'processing', 'worker', worker, 'started', now())
  redis.call('HINCRBY', job(id), 'attempt', 1)
  tell_rq(id, 'started')
  tell(id)
elseif status ~= 'processing' or get(job(id), 'worker') ~= worker or get(job(id), 'request') == '' then
  return false
end
redis.call('ZADD', ACTIVE, now() + lease, id)
local image_id, rid = many(job(id), 'image_id', 'record')
return {redis.call('HGETALL', job(id)), get(record(image_id, rid), 'status')}
