"""Every change of a job or an image, as Lua: each script is one step that happens whole or not at all.

Times are milliseconds of the server's clock. A job's `worker` and `attempt` are its fencing token: the
attempt grows whenever a worker begins the job, and only the holder of the latest may write. The worker
counts too, because a server that is killed may forget its last second, and with it an attempt. A client
whose answer was lost sends a script again: the second run must find what the first did. RQ's queue is the
list `rq:queue:pentimento`; a worker pops into `...:intermediate` and begins the job from there.
"""

from typing import Final

from store.lua import COMMON

# job, image, request, ttl, description of the image
SUBMIT_INVERT: Final = (
    COMMON
    + """
local id, image_id, request, ttl, about = unpack(ARGV)
local key = image(image_id)
local status, present = get(key, 'status'), get(key, 'job_id')
if present == id then return {id, 'accepted'} end
if status == 'pending' and get(job(present), 'cancel') == '' then return {present, 'joined'} end
create(id, 'invert', image_id, request, ttl)
if status == 'ready' then
  redis.call('HSET', job(id), 'cached', 1, 'started', now())
  finish(id, 'succeeded', get(key, 'result'), '', '')
  return {id, 'cached'}
end
redis.call('HDEL', key, 'error', 'result')
redis.call('HSET', key, 'status', 'pending', 'job_id', id, 'about', about)
if redis.call('HSETNX', key, 'created', now()) == 1 then
  redis.call('ZADD', P .. 'images', now(), image_id)
end
push(id, 'RPUSH')
return {id, 'accepted'}
"""
)

# job, image, request, ttl
SUBMIT_EDIT: Final = (
    COMMON
    + """
local id, image_id, request, ttl = unpack(ARGV)
if redis.call('EXISTS', job(id)) == 1 then return {'accepted', ''} end
local status = get(image(image_id), 'status')
if status == '' then return {'missing', ''} end
if status == 'failed' then return {'failed', get(image(image_id), 'error')} end
create(id, 'edit', image_id, request, ttl)
if status == 'pending' then
  redis.call('HSET', job(id), 'held', 1)
  redis.call('PERSIST', 'rq:job:' .. id)
  redis.call('RPUSH', waiting(image_id), id)
else
  push(id, 'RPUSH')
end
return {'accepted', ''}
"""
)

# job, worker, lease
BEGIN: Final = (
    COMMON
    + """
local id, worker, lease = unpack(ARGV)
redis.call('LREM', QUEUE .. ':intermediate', 0, id)
local status = get(job(id), 'status')
if status == 'processing' and get(job(id), 'worker') == worker then
  redis.call('ZADD', ACTIVE, now() + lease, id)
  return tonumber(get(job(id), 'attempt'))
end
if status ~= 'queued' or get(job(id), 'held') ~= '' then return 0 end
redis.call('HSET', job(id), 'status', 'processing', 'worker', worker, 'started', now())
redis.call('ZADD', ACTIVE, now() + lease, id)
return redis.call('HINCRBY', job(id), 'attempt', 1)
"""
)

# job, worker, attempt, lease
BEAT: Final = (
    COMMON
    + """
local id, worker, attempt, lease = unpack(ARGV)
if owned(id, worker, attempt) then redis.call('ZADD', ACTIVE, 'XX', now() + lease, id) end
return verdict(id, worker, attempt)
"""
)

# job, worker, attempt, progress, seconds left or nothing
PROGRESS: Final = (
    COMMON
    + """
local id, worker, attempt, progress, eta = unpack(ARGV)
if owned(id, worker, attempt) then
  redis.call('HSET', job(id), 'progress', progress, 'progressed', now())
  if eta == '' then redis.call('HDEL', job(id), 'eta') else redis.call('HSET', job(id), 'eta', eta) end
end
return verdict(id, worker, attempt)
"""
)

# job, worker, attempt, status, result, error, cause, warnings, cause of canceled ones
FINISH: Final = (
    COMMON
    + """
local id, worker, attempt, status, result, err, cause, warnings, canceled = unpack(ARGV)
if owned(id, worker, attempt) then
  redis.call('HSET', job(id), 'asked', status, 'warnings', warnings)
  if get(job(id), 'cancel') ~= '' then status, result, err, cause = 'canceled', '', '', canceled end
  finish(id, status, result, err, cause)
elseif not begun_by(id, worker, attempt) or get(job(id), 'asked') ~= status then
  return 'fenced'
end
if redis.call('EXISTS', image(get(job(id), 'image_id'))) == 0 then return 'deleted' end
return 'ok'
"""
)

# job, worker, attempt
HAND_BACK: Final = (
    COMMON
    + """
local id, worker, attempt = unpack(ARGV)
if not owned(id, worker, attempt) then return 'fenced' end
queue_again(id)
return 'ok'
"""
)

# job, cause
CANCEL: Final = (
    COMMON
    + """
local id, cause = unpack(ARGV)
local status = get(job(id), 'status')
if status == 'queued' then
  finish(id, 'canceled', '', '', cause)
  return 'canceled'
end
if status == 'processing' then redis.call('HSET', job(id), 'cancel', 1) end
return status
"""
)

# attempts, milliseconds a popped job may take to begin, error of lost jobs, cause of canceled ones
REAP: Final = (
    COMMON
    + """
local attempts, patience, lost, canceled = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local at, again, ended = now(), {}, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', at, 'LIMIT', 0, 100)) do
  if get(job(id), 'status') ~= 'processing' then
    redis.call('ZREM', ACTIVE, id)
  elseif get(job(id), 'cancel') ~= '' then
    finish(id, 'canceled', '', '', canceled)
    table.insert(ended, id)
  elseif redis.call('HINCRBY', job(id), 'losses', 1) >= attempts then
    finish(id, 'failed', '', lost, lost)
    table.insert(ended, id)
  else
    queue_again(id)
    table.insert(again, id)
  end
end
for _, id in ipairs(redis.call('LRANGE', QUEUE .. ':intermediate', 0, 99)) do
  local seen = P .. 'popped:' .. id
  local first = redis.call('SET', seen, at, 'NX', 'PX', 60000)
  if not first and at - redis.call('GET', seen) >= patience then
    redis.call('DEL', seen)
    redis.call('LREM', QUEUE .. ':intermediate', 0, id)
    if get(job(id), 'status') == 'queued' and get(job(id), 'held') == '' then
      push(id, 'LPUSH')
      table.insert(again, id)
    end
  end
end
redis.call('ZREMRANGEBYSCORE', 'rq:wip:pentimento', 0, math.floor(at / 1000) - 60)
return {again, ended}
"""
)

# worker
ABANDON: Final = (
    COMMON
    + """
for _, id in ipairs(redis.call('ZRANGE', ACTIVE, 0, -1)) do
  if get(job(id), 'worker') == ARGV[1] then redis.call('ZADD', ACTIVE, 0, id) end
end
"""
)

# image, cause, a name for this call
DELETE_IMAGE: Final = (
    COMMON
    + """
local image_id, cause, call = unpack(ARGV)
local done = image(image_id) .. ':deleted'
if redis.call('EXISTS', image(image_id)) == 0 then
  if redis.call('GET', done) == call then return 1 end
  return 0
end
redis.call('SET', done, call, 'EX', 60)
redis.call('DEL', image(image_id))
redis.call('ZREM', P .. 'images', image_id)
for _, id in ipairs(redis.call('SMEMBERS', jobs_of(image_id))) do
  local status = get(job(id), 'status')
  if status == 'queued' then finish(id, 'canceled', '', '', cause) end
  if status == 'processing' then redis.call('HSET', job(id), 'cancel', 1) end
end
redis.call('DEL', waiting(image_id))
return 1
"""
)

# lock, token
UNLOCK: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# lock, token, milliseconds
RENEW: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
