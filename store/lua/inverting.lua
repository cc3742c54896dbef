-- How an inversion is asked for.
-- include: submitting

-- the record that an inversion names is the image's own from then on
local function own(image_id, rid, kind, ask, of_it)
  local key = image(image_id)
  redis.call('HSET', key, 'own', rid, 'tenant', ask.tenant, 'width', of_it.width, 'height', of_it.height,
             'fit', of_it.fit)
  if of_it.chosen == '1' then redis.call('HSET', key, 'chosen', 1) else redis.call('HDEL', key, 'chosen') end
  if kind == 'generate' then redis.call('HSET', key, 'painted', rid) end
  if redis.call('HSETNX', key, 'created', now()) == 1 then
    redis.call('ZADD', images_by(ask.tenant), now(), image_id)
  end
  use(image_id, ask)
end

-- `fields` are RQ's, names and values in turn; with `admitted` there is room
local function invert(id, image_id, rid, request, ask, about, of_it, fields, admitted)
  local kind = cjson.decode(about).method == 'painted' and 'generate' or 'invert'
  if redis.call('EXISTS', job(id)) == 1 then
    return {get(job(id), 'cached') == '' and 'accepted' or 'cached', id}
  end
  local status, present, result = many(record(image_id, rid), 'status', 'job_id', 'result')
  if status == 'pending' and why_stop(present) == '' then
    if too_many_webhooks(present, ask) then return {'full', 'webhooks', 5} end
    join(present, ask)
    own(image_id, rid, kind, ask, of_it)
    return {'joined', present}
  end
  -- one that an edit made has no result yet
  if status == 'ready' and result ~= '' then
    answer_at_once(id, image_id, ask)
    create(id, kind, image_id, rid, request, about, ask)
    redis.call('HSET', job(id), 'cached', 1, 'started', now())
    finish(id, 'succeeded', result, '', '')
    own(image_id, rid, kind, ask, of_it)
    return {'cached', id}
  end
  if not admitted then
    local full, seconds = no_room(ask, 1)
    if full then return {'full', full, seconds} end
  end
  create(id, kind, image_id, rid, request, about, ask)
  redis.call('HSET', message(id), unpack(fields))
  redis.call('HDEL', record(image_id, rid), 'error', 'result')
  describe(image_id, rid, 'status', 'pending', 'job_id', id, 'about', about)
  own(image_id, rid, kind, ask, of_it)
  push(id, 'RPUSH')
  return {'accepted', id}
end
