"""What the owner of a running job changes."""

from typing import Final

from store.scripts.common import COMMON

# job, worker, lease
BEGIN: Final = (
    COMMON
    + """
local id, worker, lease = unpack(ARGV)

-- the version that accepted it knew one inversion per image, and held edits elsewhere
local function refuse_older()
  local held = image(get(job(id), 'image_id')) .. ':waiting'
  for _, edit in ipairs(redis.call('LRANGE', held, 0, -1)) do finish(edit, 'failed', '', OLDER, '') end
  redis.call('DEL', held)
  finish(id, 'failed', '', OLDER, '')
end

redis.call('LREM', QUEUE .. ':intermediate', 0, id)
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
  if eta == '' then
    redis.call('HDEL', job(id), 'eta')
    tell(id, 'progress', progress)
  else
    redis.call('HSET', job(id), 'eta', eta)
    tell(id, 'progress', progress, 'eta', eta)
  end
end
return verdict(id, worker, attempt)
"""
)

# job, worker, attempt, bytes
MADE: Final = (
    COMMON
    + """
local id, worker, attempt, bytes = unpack(ARGV)
local image_id, rid, about = many(job(id), 'image_id', 'record', 'about')
local said = verdict(id, worker, attempt)
if said == 'ok' then
  if get(record(image_id, rid), 'status') == '' then
    describe(image_id, rid, 'status', 'ready', 'job_id', id, 'about', about)
  end
  weigh(image_id, rid, bytes)
end
return said
"""
)

# job, worker, attempt, picture
PREVIEW: Final = (
    COMMON
    + """
local id, worker, attempt, picture = unpack(ARGV)
if owned(id, worker, attempt) and get(job(id), 'cancel') ~= 'deleted' then
  redis.call('SET', preview(id), picture)
end
return verdict(id, worker, attempt)
"""
)

# job, worker, attempt, status, result, error, cause, warnings
FINISH: Final = (
    COMMON
    + """
local id, worker, attempt, status, result, err, cause, warnings = unpack(ARGV)

local function remember_pace(kind, seconds)
  local usual = tonumber(get(RECENT, kind)) or seconds
  redis.call('HSET', RECENT, kind, usual + 0.2 * (seconds - usual))
end

if owned(id, worker, attempt) then
  redis.call('HSET', job(id), 'asked', status, 'warnings', warnings)
  local why = why_stop(id)
  if status == 'succeeded' then
    remember_pace(get(job(id), 'kind'), (now() - tonumber(get(job(id), 'started'))) / 1000)
  end
  if why ~= '' or status == 'canceled' then stop(id, why) else finish(id, status, result, err, cause) end
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
local why = why_stop(id)
if why ~= '' then stop(id, why) else queue_again(id) end
return 'ok'
"""
)
