-- job, url, attempt, entry for the log, milliseconds until the next try or nothing
-- include: steps

local id, url, attempt, entry, delay = unpack(ARGV)
if redis.call('LINDEX', deliveries(id), -1) == entry then return 1 end
if get(TRIES, id .. ' ' .. url) ~= attempt then return 0 end
redis.call('RPUSH', deliveries(id), entry)
redis.call('LTRIM', deliveries(id), -50, -1)
redis.call('PEXPIREAT', deliveries(id), tonumber(get(job(id), 'expires')) or now())
if delay == '' then owe_nothing(id, url) else owe(id, url, now() + delay) end
return 1
