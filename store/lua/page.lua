-- index, prefix of the records, score and member to go on after, how many, how many to look at, fields wanted
-- include: base

local index, records, score, member = unpack(ARGV, 1, 4)
local limit, budget, wanted = tonumber(ARGV[5]), tonumber(ARGV[6]), cjson.decode(ARGV[7])

local function fits(id)
  for field, value in pairs(wanted) do
    if get(records .. id, field) ~= value then return false end
  end
  return true
end

local found, gone, after, more, offset = {}, {}, '', false, 0
while not more do
  local part = redis.call('ZREVRANGEBYSCORE', index, score, '-inf', 'WITHSCORES', 'LIMIT', offset, 100)
  if #part == 0 then break end
  offset = offset + 100
  for i = 1, #part, 2 do
    local id, at = part[i], part[i + 1]
    if member == '' or at ~= score or id < member then
      if redis.call('EXISTS', records .. id) == 0 then
        table.insert(gone, id)
      elseif #found == limit or budget == 0 then
        more = true
        break
      else
        if fits(id) then table.insert(found, id) end
        budget, after = budget - 1, at .. ':' .. id
      end
    end
  end
end
for _, id in ipairs(gone) do redis.call('ZREM', index, id) end
return {found, more and after or ''}
