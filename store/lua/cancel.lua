-- job, tenant
-- include: steps

local id, tenant = unpack(ARGV)
if get(job(id), 'tenant') ~= tenant then return '' end
local status = get(job(id), 'status')
if status == 'queued' then
  finish(id, 'canceled', '', '', CANCELED)
  return 'canceled'
end
if status == 'processing' then redis.call('HSETNX', job(id), 'cancel', 'asked') end
return status
