-- image
-- include: removing

local image_id = ARGV[1]
local at, due = now(), redis.call('ZSCORE', EXPIRY, image_id)
if not due or tonumber(due) > at then return 0 end
redis.call('ZADD', EXPIRY, at + MINUTE, image_id)
if redis.call('EXISTS', image(image_id)) == 1 then
  if #unended_of(image_id) > 0 then return 0 end
  remove(image_id)
end
return 1
