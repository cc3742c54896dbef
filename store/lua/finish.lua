-- job, worker, attempt, status, result, error, cause, warnings
-- include: steps

local id, worker, attempt, status, result, err, cause, warnings = unpack(ARGV)

local function remember_pace(kind, seconds)
  local usual = tonumber(get(RECENT, kind)) or seconds
  redis.call('HSET', RECENT, kind, usual + 0.2 * (seconds - usual))
end

if owned(id, worker, attempt) then
  redis.call('HSET', job(id), 'asked', status, 'warnings', warnings)
  local why = why_stop(id)
  if status == 'succeeded' then
    remember_pace(get(job(id), 'kind'), (now() - tonumber(get(job(id), 'started'))) / 1000)
  end
  if why ~= '' or status == 'canceled' then stop(id, why) else finish(id, status, result, err, cause) end
elseif not begun_by(id, worker, attempt) or get(job(id), 'asked') ~= status then
  return 'fenced'
end
if redis.call('EXISTS', image(get(job(id), 'image_id'))) == 0 then return 'deleted' end
return 'ok'
