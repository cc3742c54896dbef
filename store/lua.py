"""What the scripts share: names of keys, and the steps that several of them take."""

from typing import Final

COMMON: Final = """
local P, QUEUE, ACTIVE = 'pentimento:', 'rq:queue:pentimento', 'pentimento:active'

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function get(key, field) return redis.call('HGET', key, field) or '' end
local function job(id) return P .. 'job:' .. id end
local function image(id) return P .. 'image:' .. id end
local function waiting(id) return image(id) .. ':waiting' end
local function jobs_of(id) return image(id) .. ':jobs' end

local function push(id, command)
  redis.call('SADD', 'rq:queues', QUEUE)
  redis.call('PERSIST', 'rq:job:' .. id)
  redis.call('HDEL', job(id), 'held')
  redis.call(command, QUEUE, id)
end

local function queue_again(id)
  redis.call('ZREM', ACTIVE, id)
  redis.call('HSET', job(id), 'status', 'queued')
  redis.call('HDEL', job(id), 'progress', 'eta', 'worker')
  push(id, 'LPUSH')
end

local function create(id, kind, image_id, request, ttl)
  local at = now()
  redis.call('HSET', job(id), 'kind', kind, 'image_id', image_id, 'status', 'queued', 'attempt', 0,
             'losses', 0, 'request', request, 'ttl', ttl, 'created', at, 'expires', at + ttl)
  redis.call('ZADD', P .. 'jobs', at, id)
  redis.call('ZREMRANGEBYSCORE', P .. 'jobs', '-inf', at - 2 * ttl)
  redis.call('SADD', jobs_of(image_id), id)
end

-- `cause` is the error of the edits that wait for this job, should it be an inversion that did not succeed
local function finish(id, status, result, err, cause)
  local at, key = now(), job(id)
  local image_id, expires = get(key, 'image_id'), at + tonumber(get(key, 'ttl'))
  redis.call('HSET', key, 'status', status, 'finished', at, 'expires', expires)
  redis.call('HDEL', key, 'eta', 'held', 'cancel')
  if result ~= '' then redis.call('HSET', key, 'result', result) end
  if err ~= '' then redis.call('HSET', key, 'error', err) end
  redis.call('PEXPIREAT', key, expires)
  redis.call('ZREM', ACTIVE, id)
  redis.call('LREM', QUEUE, 0, id)
  redis.call('EXPIRE', 'rq:job:' .. id, 3600)
  redis.call('SREM', jobs_of(image_id), id)
  redis.call('LREM', waiting(image_id), 0, id)
  if get(key, 'kind') ~= 'invert' or get(image(image_id), 'job_id') ~= id then return end
  if status == 'succeeded' then
    redis.call('HSET', image(image_id), 'status', 'ready', 'result', result)
  else
    redis.call('HSET', image(image_id), 'status', 'failed', 'error', cause)
  end
  local held = redis.call('LRANGE', waiting(image_id), 0, -1)
  redis.call('DEL', waiting(image_id))
  for _, edit in ipairs(held) do
    if get(job(edit), 'status') == 'queued' then
      if status == 'succeeded' then push(edit, 'RPUSH') else finish(edit, 'failed', '', cause, '') end
    end
  end
end

local function begun_by(id, worker, attempt)
  return get(job(id), 'worker') == worker and get(job(id), 'attempt') == attempt
end

local function owned(id, worker, attempt)
  return get(job(id), 'status') == 'processing' and begun_by(id, worker, attempt)
end

local function verdict(id, worker, attempt)
  if not owned(id, worker, attempt) then return 'fenced' end
  if get(job(id), 'cancel') ~= '' then return 'cancel' end
  return 'ok'
end
"""
