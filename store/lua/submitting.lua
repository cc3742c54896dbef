-- What both kinds of request for work need.
-- include: steps

local CACHED, CACHED_KEPT, WEBHOOKS = 500, 10 * MINUTE, 10

-- every key of a job is forgotten by itself, but an index has to be told
local function enter(index, id, at)
  for _, old in ipairs(redis.call('ZRANGE', index, 0, 1)) do
    if redis.call('EXISTS', job(old)) == 0 then redis.call('ZREM', index, old) end
  end
  -- two of one millisecond keep their order too
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
  redis.call('ZADD', index, math.max(at, (tonumber(last) or 0) + 1), id)
end

local function due(id, deadline)
  redis.call('HSET', job(id), 'deadline', deadline)
  redis.call('ZADD', DEADLINES, deadline, id)
end

local function create(id, kind, image_id, rid, request, about, ask)
  local at = now()
  redis.call('HSET', job(id), 'kind', kind, 'image_id', image_id, 'tenant', ask.tenant, 'status', 'queued',
             'attempt', 0, 'losses', 0, 'record', rid, 'request', request, 'about', about,
             'ttl', ask.job_ttl, 'created', at, 'expires', at + ask.job_ttl)
  for _, name in ipairs({'request_id', 'traceparent', 'noticed', 'chosen'}) do
    if ask[name] then redis.call('HSET', job(id), name, ask[name]) end
  end
  if ask.deadline then due(id, at + ask.deadline) end
  if ask.webhook then redis.call('SADD', webhooks(id), ask.webhook) end
  enter(jobs_by(ask.tenant), id, at)
  enter(jobs_of(image_id), id, at)
  redis.call('SADD', unended_of_kind(kind), id)
  redis.call('SADD', unended_by(ask.tenant), id)
  tell(id)
end

-- answers from what is there cost no work, so no queue bounds them: of each tenant some are kept, for a while
local function answer_at_once(id, image_id, ask)
  local index, at = cached(ask.tenant), now()
  for _, old in ipairs(redis.call('ZRANGE', index, 0, 4)) do
    local late = tonumber(redis.call('ZSCORE', index, old)) < at - CACHED_KEPT
    if late or redis.call('ZCARD', index) >= CACHED then
      local its, on = string.match(old, '^(%S+) (%S+)$')
      redis.call('ZREM', index, old)
      redis.call('ZREM', jobs_by(ask.tenant), its)
      redis.call('ZREM', jobs_of(on), its)
      if redis.call('SCARD', webhooks(its)) == 0 then redis.call('DEL', job(its), events(its)) end
    end
  end
  redis.call('ZADD', index, at, id .. ' ' .. image_id)
  ask.job_ttl = math.min(ask.job_ttl, CACHED_KEPT)
end

-- every URL that is called costs a request to somebody else
local function too_many_webhooks(id, ask)
  return ask.webhook and redis.call('SISMEMBER', webhooks(id), ask.webhook) == 0
    and redis.call('SCARD', webhooks(id)) >= WEBHOOKS
end

-- a job that several asked for goes on for as long as any of them would wait
local function join(id, ask)
  if ask.webhook then redis.call('SADD', webhooks(id), ask.webhook) end
  local deadline = get(job(id), 'deadline')
  if deadline == '' then return end
  if not ask.deadline then
    redis.call('HDEL', job(id), 'deadline')
    redis.call('ZREM', DEADLINES, id)
  else
    due(id, math.max(tonumber(deadline), now() + ask.deadline))
  end
end

local function use(image_id, ask)
  local expires = now() + ask.image_ttl
  redis.call('HSET', image(image_id), 'expires', expires)
  redis.call('ZADD', EXPIRY, expires, image_id)
end

-- an empty queue takes what comes, though it be more jobs than it may hold
local function over(limit, count, more) return count >= limit or (count > 0 and count + more > limit) end

-- whose limit so many more jobs would pass, if one's, and the seconds in which the queue will be worked off
local function no_room(ask, more)
  local counts, all, work = {}, 0, 0
  for _, kind in ipairs({'invert', 'generate', 'edit'}) do
    local count = redis.call('SCARD', unended_of_kind(kind))
    all, work = all + count, work + count * (tonumber(get(RECENT, kind)) or 5)
  end
  local full = over(ask.queue_limit, all, more) and 'all'
    or over(ask.max_queued, redis.call('SCARD', unended_by(ask.tenant)), more) and 'tenant'
  if not full then return nil end
  local workers = redis.call('ZCOUNT', WORKERS, now(), '+inf')
  return full, math.max(1, math.min(3600, math.ceil(work / math.max(1, workers))))
end
