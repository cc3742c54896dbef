-- job, image, record, request, ask, description of the record, width, height, fit, whether auto chose it, then
-- RQ's fields and values
-- include: submitting

local id, image_id, rid, request, ask, about, width, height, fit, chosen = unpack(ARGV, 1, 10)
ask = cjson.decode(ask)
local kind = cjson.decode(about).method == 'painted' and 'generate' or 'invert'

-- the record that an inversion names is the image's own from then on
local function own()
  local key = image(image_id)
  redis.call('HSET', key, 'own', rid, 'tenant', ask.tenant, 'width', width, 'height', height,
             'fit', fit)
  if chosen == '1' then redis.call('HSET', key, 'chosen', 1) else redis.call('HDEL', key, 'chosen') end
  if kind == 'generate' then redis.call('HSET', key, 'painted', rid) end
  if redis.call('HSETNX', key, 'created', now()) == 1 then
    redis.call('ZADD', images_by(ask.tenant), now(), image_id)
  end
  use(image_id, ask)
end

if redis.call('EXISTS', job(id)) == 1 then
  return {get(job(id), 'cached') == '' and 'accepted' or 'cached', id}
end
local status, present, result = many(record(image_id, rid), 'status', 'job_id', 'result')
if status == 'pending' and why_stop(present) == '' then
  if too_many_webhooks(present, ask) then return {'full', 'webhooks', 5} end
  join(present, ask)
  own()
  return {'joined', present}
end
-- one that an edit made has no result yet
if status == 'ready' and result ~= '' then
  answer_at_once(id, image_id, ask)
  create(id, kind, image_id, rid, request, about, ask)
  redis.call('HSET', job(id), 'cached', 1, 'started', now())
  finish(id, 'succeeded', result, '', '')
  own()
  return {'cached', id}
end
local full, seconds = no_room(ask)
if full then return {'full', full, seconds} end
create(id, kind, image_id, rid, request, about, ask)
redis.call('HSET', message(id), unpack(ARGV, 11))
redis.call('HDEL', record(image_id, rid), 'error', 'result')
describe(image_id, rid, 'status', 'pending', 'job_id', id, 'about', about)
own()
push(id, 'RPUSH')
return {'accepted', id}
