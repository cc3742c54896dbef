-- job, image, record, request, ask, description of the record, then RQ's fields and values
-- include: submitting

local id, image_id, rid, request, ask, about = unpack(ARGV, 1, 6)
ask = cjson.decode(ask)
if redis.call('EXISTS', job(id)) == 1 then return {'accepted', id} end
local own, tenant = many(image(image_id), 'own', 'tenant')
if own == '' or tenant ~= ask.tenant then return {'missing'} end
local status, err = many(record(image_id, rid), 'status', 'error')
if status == 'failed' then return {'failed', err} end
local full, seconds = no_room(ask)
if full then return {'full', full, seconds} end
create(id, 'edit', image_id, rid, request, about, ask)
redis.call('HSET', message(id), unpack(ARGV, 7))
use(image_id, ask)
if status == 'pending' then
  redis.call('HSET', job(id), 'held', 1)
  redis.call('RPUSH', waiting(image_id, rid), id)
else
  push(id, 'RPUSH')
end
return {'accepted', id}
