-- job, image, record, request, ask, description of the record, then RQ's fields and values
-- include: editing

local id, image_id, rid, request, ask, about = unpack(ARGV, 1, 6)
return edit(id, image_id, rid, request, cjson.decode(ask), about, {unpack(ARGV, 7)})
