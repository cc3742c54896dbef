-- How an image and what was made from it go.
-- include: steps

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

-- a client that follows an unended job learns how it ended, but not what it was
local function strip(id)
  redis.call('HDEL', job(id), 'request', 'about', 'noticed', 'chosen', 'warnings')
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
  redis.call('DEL', image(image_id), held_before(image_id))
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
