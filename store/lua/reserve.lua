-- digest of the body, job, seconds it is kept, seconds one try may take

local body, job, kept, lease = unpack(ARGV)
local now = tonumber(redis.call('TIME')[1])
local found = redis.call('HMGET', KEYS[1], 'body', 'answer', 'until', 'job')
if not found[1] then
  redis.call('HSET', KEYS[1], 'body', body, 'job', job)
  redis.call('EXPIRE', KEYS[1], kept)
  found[4] = job
elseif found[1] ~= body then
  return {'reused', '', ''}
elseif found[2] then
  return {'answered', found[4], found[2]}
elseif now < tonumber(found[3]) then
  return {'running', '', ''}
end
redis.call('HSET', KEYS[1], 'until', now + lease)
return {'yours', found[4], ''}
