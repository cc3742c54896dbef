-- include: base

local queued = redis.call('LLEN', QUEUE) + redis.call('LLEN', TAKEN)
local unended = redis.call('SCARD', unended_of_kind('invert')) + redis.call('SCARD', unended_of_kind('edit'))
local first, waited = redis.call('LINDEX', QUEUE, 0), 0
if first then waited = now() - (tonumber(get(job(first), 'created')) or now()) end
return {queued, redis.call('ZCARD', ACTIVE), unended, waited,
        redis.call('HGETALL', RECENT), redis.call('HGETALL', ENDED),
        tonumber(get(RECORDS, 'count')) or 0, tonumber(get(RECORDS, 'bytes')) or 0}
