-- job, worker, attempt, bytes, record, description of the record
-- include: steps

local id, worker, attempt, bytes, rid, about = unpack(ARGV)
local image_id = get(job(id), 'image_id')
local said = verdict(id, worker, attempt)
if said == 'ok' then
  if get(record(image_id, rid), 'status') == '' then
    describe(image_id, rid, 'status', 'ready', 'job_id', id, 'about', about)
  end
  weigh(image_id, rid, bytes)
end
return said
