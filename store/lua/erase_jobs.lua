-- image, how many of its oldest jobs are known to stay; gives that number for the next slice, or -1
-- include: removing

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
