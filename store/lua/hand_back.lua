-- job, worker, attempt
-- include: steps

local id, worker, attempt = unpack(ARGV)
if not owned(id, worker, attempt) then return 'fenced' end
local why = why_stop(id)
if why ~= '' then stop(id, why) else queue_again(id) end
return 'ok'
