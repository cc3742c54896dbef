-- job of the edit, image, record, its request, its ask, description of the record, job of the inversion, its
-- request, its ask, width, height, fit, whether auto chose it, how many of RQ's fields and values are the
-- inversion's, then those, then the edit's
-- include: inverting
-- include: editing

local id, image_id, rid, request, ask, about, first, options, its_ask, width, height, fit, chosen = unpack(ARGV, 1, 13)
local last = 14 + tonumber(ARGV[14])
ask = cjson.decode(ask)
if redis.call('EXISTS', job(id)) == 1 then return {'accepted', id} end
local status, present = many(record(image_id, rid), 'status', 'job_id')
if status == 'ready' or (status == 'pending' and why_stop(present) == '') then
  return edit(id, image_id, rid, request, ask, about, {unpack(ARGV, last + 1)})
end
-- both or neither: an inversion whose edit is refused would be made for nothing
local full, seconds = no_room(ask, 2)
if full then return {'full', full, seconds} end
local of_it = {width = width, height = height, fit = fit, chosen = chosen}
invert(first, image_id, rid, options, cjson.decode(its_ask), about, of_it, {unpack(ARGV, 15, last)}, true)
return edit(id, image_id, rid, request, ask, about, {unpack(ARGV, last + 1)}, true)
