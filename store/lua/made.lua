-- job, worker, attempt, bytes
-- include: steps

local id, worker, attempt, bytes = unpack(ARGV)
local image_id, rid, about = many(job(id), 'image_id', 'record', 'about')
local said = verdict(id, worker, attempt)
if said == 'ok' then
  if get(record(image_id, rid), 'status') == '' then
    describe(image_id, rid, 'status', 'ready', 'job_id', id, 'about', about)
  end
  weigh(image_id, rid, bytes)
end
return said
