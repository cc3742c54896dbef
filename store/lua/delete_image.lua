-- image, tenant, a name for this call
-- include: removing

local image_id, tenant, call = unpack(ARGV)
local done = deleted(image_id)
if get(image(image_id), 'tenant') ~= tenant then
  if redis.call('GET', done) == call then return 1 end
  return 0
end
redis.call('SET', done, call, 'EX', 60)
remove(image_id)
return 1
