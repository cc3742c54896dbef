-- Steps that several scripts take.
-- include: base
-- include: errors

local function unended(id)
  local status = get(job(id), 'status')
  return status == 'queued' or status == 'processing'
end

-- what followers of the job are told: its status, and whatever fields come with it
local function tell(id, ...)
  redis.call('XADD', events(id), 'MAXLEN', '~', 1000, '*', 'status', get(job(id), 'status'), ...)
end

local function push(id, command)
  redis.call('SADD', QUEUES, QUEUE)
  redis.call('PERSIST', message(id))
  redis.call('HDEL', job(id), 'held')
  redis.call(command, QUEUE, id)
end

-- RQ's own record of a job, for RQ's tools; one that was answered at once has none
local RQ_STATUS = {succeeded = 'finished', failed = 'failed', aborted = 'failed', canceled = 'canceled'}
local function tell_rq(id, status)
  if redis.call('EXISTS', message(id)) == 1 then redis.call('HSET', message(id), 'status', status) end
end

local function queue_again(id)
  tell_rq(id, 'queued')
  redis.call('ZREM', ACTIVE, id)
  redis.call('HSET', job(id), 'status', 'queued')
  redis.call('HDEL', job(id), 'progress', 'eta', 'worker')
  redis.call('DEL', preview(id))
  tell(id)
  push(id, 'LPUSH')
end

local function owe(id, url, at) redis.call('ZADD', OUTBOX, at, id .. ' ' .. url) end

local function owe_nothing(id, url)
  redis.call('ZREM', OUTBOX, id .. ' ' .. url)
  redis.call('HDEL', TRIES, id .. ' ' .. url)
end

local function count_end(kind, status, err)
  local code = err ~= '' and cjson.decode(err).code or ''
  redis.call('HINCRBY', ENDED, kind .. ' ' .. status .. ' ' .. code, 1)
end

-- a running job's latest state is worth more than how it came there: of a long stream the end is kept
local function let_expire(id, at, expires)
  redis.call('XTRIM', events(id), 'MAXLEN', '~', 100)
  for _, key in ipairs({job(id), events(id), webhooks(id)}) do redis.call('PEXPIREAT', key, expires) end
  redis.call('PEXPIREAT', preview(id), math.min(expires, at + 10 * MINUTE))
  redis.call('EXPIRE', message(id), 3600)
end

-- of an inversion: fields of its hash, which begins to be counted with the first of them
local function describe(image_id, id, ...)
  local last = redis.call('ZRANGE', records(image_id), -1, -1, 'WITHSCORES')[2]
  -- two of one millisecond keep their order too
  local at = math.max(now(), (tonumber(last) or 0) + 1)
  if redis.call('ZADD', records(image_id), 'NX', at, id) == 1 then
    redis.call('HSET', record(image_id, id), 'created', now())
    redis.call('HINCRBY', RECORDS, 'count', 1)
  end
  redis.call('HSET', record(image_id, id), ...)
end

local function weigh(image_id, id, bytes)
  local before = tonumber(get(record(image_id, id), 'bytes')) or 0
  redis.call('HSET', record(image_id, id), 'bytes', bytes)
  redis.call('HINCRBY', RECORDS, 'bytes', bytes - before)
end

-- `cause` is the error of the edits that wait for this job, should it be an inversion that did not succeed
local function finish(id, status, result, err, cause)
  local at, key = now(), job(id)
  local image_id, kind, tenant, ttl, rid = many(key, 'image_id', 'kind', 'tenant', 'ttl', 'record')
  local expires = at + tonumber(ttl)
  redis.call('HSET', key, 'status', status, 'finished', at, 'expires', expires)
  redis.call('HDEL', key, 'eta', 'held', 'cancel')
  if result ~= '' then redis.call('HSET', key, 'result', result) end
  if err ~= '' then redis.call('HSET', key, 'error', err) end
  redis.call('ZREM', ACTIVE, id)
  redis.call('LREM', QUEUE, 0, id)
  redis.call('ZREM', DEADLINES, id)
  redis.call('SREM', unended_of_kind(kind), id)
  redis.call('SREM', unended_by(tenant), id)
  redis.call('LREM', waiting(image_id, rid), 0, id)
  count_end(kind, status, err)
  tell_rq(id, RQ_STATUS[status])
  tell(id)
  for _, url in ipairs(redis.call('SMEMBERS', webhooks(id))) do owe(id, url, at) end
  let_expire(id, at, expires)
  if kind == 'edit' or get(record(image_id, rid), 'job_id') ~= id then return end
  if status == 'succeeded' then
    redis.call('HSET', record(image_id, rid), 'status', 'ready', 'result', result)
  else
    redis.call('HSET', record(image_id, rid), 'status', 'failed', 'error', cause)
  end
  local held = redis.call('LRANGE', waiting(image_id, rid), 0, -1)
  redis.call('DEL', waiting(image_id, rid))
  for _, edit in ipairs(held) do
    if get(job(edit), 'status') == 'queued' then
      if status == 'succeeded' then push(edit, 'RPUSH') else finish(edit, 'failed', '', cause, '') end
    end
  end
end

local function late(id)
  local deadline = get(job(id), 'deadline')
  return deadline ~= '' and tonumber(deadline) <= now()
end

-- why a job is to stop, or nothing; a deadline counts from when it passes, whether or not anybody has noticed
local function why_stop(id)
  if late(id) then redis.call('HSETNX', job(id), 'cancel', 'late') end
  return get(job(id), 'cancel')
end

local function stop(id, why)
  if why == 'late' then finish(id, 'canceled', '', LATE, SOURCE_LATE)
  else finish(id, 'canceled', '', '', CANCELED) end
end

local function begun_by(id, worker, attempt)
  local its_worker, its_attempt = many(job(id), 'worker', 'attempt')
  return its_worker == worker and its_attempt == attempt
end

local function owned(id, worker, attempt)
  return get(job(id), 'status') == 'processing' and begun_by(id, worker, attempt)
end

local function verdict(id, worker, attempt)
  if not owned(id, worker, attempt) then return 'fenced' end
  if why_stop(id) ~= '' then return 'cancel' end
  return 'ok'
end
