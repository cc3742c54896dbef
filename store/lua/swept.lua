-- image
-- include: removing

local image_id = ARGV[1]
if redis.call('EXISTS', image(image_id)) == 0 and #unended_of(image_id) == 0 then
  redis.call('ZREM', EXPIRY, image_id)
  redis.call('DEL', jobs_of(image_id))
end
