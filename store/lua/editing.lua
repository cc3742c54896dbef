-- How an edit is asked for.
-- include: submitting

-- `fields` are RQ's, names and values in turn; with `admitted` there is room
local function edit(id, image_id, rid, request, ask, about, fields, admitted)
  if redis.call('EXISTS', job(id)) == 1 then return {'accepted', id} end
  local its_own, tenant = many(image(image_id), 'own', 'tenant')
  if its_own == '' or tenant ~= ask.tenant then return {'missing'} end
  local status, err = many(record(image_id, rid), 'status', 'error')
  if status == 'failed' then return {'failed', err} end
  if not admitted then
    local full, seconds = no_room(ask, 1)
    if full then return {'full', full, seconds} end
  end
  create(id, 'edit', image_id, rid, request, about, ask)
  redis.call('HSET', message(id), unpack(fields))
  use(image_id, ask)
  if status == 'pending' then
    redis.call('HSET', job(id), 'held', 1)
    redis.call('RPUSH', waiting(image_id, rid), id)
  else
    push(id, 'RPUSH')
  end
  return {'accepted', id}
end
