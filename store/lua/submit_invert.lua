-- job, image, record, request, ask, description of the record, width, height, fit, whether auto chose it, then
-- RQ's fields and values
-- include: inverting

local id, image_id, rid, request, ask, about, width, height, fit, chosen = unpack(ARGV, 1, 10)
local of_it = {width = width, height = height, fit = fit, chosen = chosen}
return invert(id, image_id, rid, request, cjson.decode(ask), about, of_it, {unpack(ARGV, 11)})
