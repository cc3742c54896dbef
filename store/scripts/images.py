"""How images go: deleted when somebody asks for it, or when their time has come."""

from typing import Final

from store.scripts.common import COMMON

_REMOVE: Final = (
    COMMON
    + """
local KEPT = 5 * MINUTE

local SLICE = 500

-- those of a tenant are few, while those that have ended on an image may be very many
local function unended_of(image_id)
  local tenant, found = get(image(image_id), 'tenant'), {}
  local among = tenant ~= '' and redis.call('SMEMBERS', unended_by(tenant))
    or redis.call('ZRANGE', jobs_of(image_id), 0, SLICE)
  for _, id in ipairs(among) do
    if get(job(id), 'image_id') == image_id and unended(id) then table.insert(found, id) end
  end
  return found
end

local function erase(id)
  for _, url in ipairs(redis.call('SMEMBERS', webhooks(id))) do owe_nothing(id, url) end
  redis.call('DEL', job(id), events(id), preview(id), webhooks(id), deliveries(id))
end

-- whoever watches an unended job is to learn how it ended, but not what it was
local function strip(id)
  redis.call('HDEL', job(id), 'request', 'about', 'noticed', 'warnings')
  redis.call('HSET', job(id), 'ttl', KEPT, 'stripped', 1)
end

local function forget_records(image_id)
  for _, rid in ipairs(redis.call('ZRANGE', records(image_id), 0, -1)) do
    weigh(image_id, rid, 0)
    redis.call('HINCRBY', RECORDS, 'count', -1)
    redis.call('DEL', record(image_id, rid), waiting(image_id, rid))
  end
  redis.call('DEL', records(image_id))
end

-- jobs that have ended are erased after this in slices, and files then; until they are known to be gone, and
-- no job can write any, the image stays due
local function remove(image_id)
  local tenant, running = get(image(image_id), 'tenant'), unended_of(image_id)
  redis.call('DEL', image(image_id), image(image_id) .. ':waiting')
  forget_records(image_id)
  redis.call('ZREM', images_by(tenant), image_id)
  redis.call('ZADD', EXPIRY, now() + MINUTE, image_id)
  for _, id in ipairs(running) do
    strip(id)
    redis.call('DEL', preview(id))
    if get(job(id), 'status') == 'queued' then finish(id, 'canceled', '', '', DELETED)
    else redis.call('HSET', job(id), 'cancel', 'deleted') end
  end
end
"""
)

# image, tenant, a name for this call
DELETE_IMAGE: Final = (
    _REMOVE
    + """
local image_id, tenant, call = unpack(ARGV)
local done = image(image_id) .. ':deleted'
if get(image(image_id), 'tenant') ~= tenant then
  if redis.call('GET', done) == call then return 1 end
  return 0
end
redis.call('SET', done, call, 'EX', 60)
remove(image_id)
return 1
"""
)

# image
EXPIRE_IMAGE: Final = (
    _REMOVE
    + """
local image_id = ARGV[1]
local at, due = now(), redis.call('ZSCORE', EXPIRY, image_id)
if not due or tonumber(due) > at then return 0 end
redis.call('ZADD', EXPIRY, at + MINUTE, image_id)
if redis.call('EXISTS', image(image_id)) == 1 then
  if #unended_of(image_id) > 0 then return 0 end
  remove(image_id)
end
return 1
"""
)

# image, how many of its oldest jobs are known to stay; gives that number for the next slice, or -1
ERASE_JOBS: Final = (
    _REMOVE
    + """
local image_id, from = ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', image(image_id)) == 1 then return -1 end
local slice, passed = redis.call('ZRANGE', jobs_of(image_id), from, from + SLICE - 1), from
for _, id in ipairs(slice) do
  if unended(id) or get(job(id), 'stripped') ~= '' then
    passed = passed + 1
  else
    redis.call('ZREM', jobs_by(get(job(id), 'tenant')), id)
    redis.call('ZREM', jobs_of(image_id), id)
    erase(id)
  end
end
return #slice < SLICE and -1 or passed
"""
)

# image
SWEPT: Final = (
    _REMOVE
    + """
local image_id = ARGV[1]
if redis.call('EXISTS', image(image_id)) == 0 and #unended_of(image_id) == 0 then
  redis.call('ZREM', EXPIRY, image_id)
  redis.call('DEL', jobs_of(image_id))
end
"""
)

# how many at most
EXPIRED_IMAGES: Final = (
    COMMON + "return redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now(), 'LIMIT', 0, ARGV[1])"
)
