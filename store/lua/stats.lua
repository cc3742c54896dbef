-- include: base

local queued = redis.call('LLEN', QUEUE) + redis.call('LLEN', TAKEN)
local unended = 0
for _, kind in ipairs({'invert', 'generate', 'edit'}) do
  unended = unended + redis.call('SCARD', unended_of_kind(kind))
end
local first, waited = redis.call('LINDEX', QUEUE, 0), 0
if first then waited = now() - (tonumber(get(job(first), 'created')) or now()) end
return {queued, redis.call('ZCARD', ACTIVE), unended, waited,
        redis.call('HGETALL', RECENT), redis.call('HGETALL', ENDED),
        tonumber(get(RECORDS, 'count')) or 0, tonumber(get(RECORDS, 'bytes')) or 0}
