-- What lets a submit be recognised when it is sent again: by its idempotency key for as long as its answer is owed; or,
-- without one, by its body while it is in doubt, and once more after that.
-- A key's memory is a string, `<hold> <body digest>`; a body's is a hash, hold -> 'in_doubt' or until when it is owed.
local DAY_US, DAY_MS = 86400000000, 86400000

local function owner(bound) return bound and string.match(bound, '^%S+') end

-- Which earlier hold a submit is of, and whether with the same body. An answer owed to a body is given once.
local function recall(by_key, memory, body, now)
  if by_key then
    local bound = redis.call('GET', memory)
    return owner(bound), bound and string.match(bound, '%S+$') == body and '1' or '0'
  end
  local twins, doubtful = redis.call('HGETALL', memory), nil
  for i = 1, #twins, 2 do
    if twins[i + 1] == 'in_doubt' then
      doubtful = doubtful or twins[i]
    elseif tonumber(twins[i + 1]) > tonumber(now) then
      redis.call('HDEL', memory, twins[i])
      return twins[i], '1'
    end
  end
  return doubtful, '1'
end

-- Whether the memory names this hold, and how it forgets it.
local function recalls(by_key, memory, id)
  if by_key then return owner(redis.call('GET', memory)) == id end
  return redis.call('HGET', memory, id) ~= false
end

local function forget(by_key, memory, id)
  if by_key then redis.call('DEL', memory) else redis.call('HDEL', memory, id) end
end

local function remember_key(memory, id, body, becomes, captured_at)
  local bound = redis.call('GET', memory)
  if not bound then
    if becomes == 'captured' then redis.call('SET', memory, id .. ' ' .. body) end
  elseif owner(bound) == id then
    if becomes == 'voided' then redis.call('DEL', memory) end
    if becomes == 'finished' or becomes == 'refunded' then
      redis.call('PEXPIREAT', memory, string.format('%.0f', math.floor((captured_at + DAY_US) / 1000)))
    end
  end
end

local function remember_body(memory, id, was, becomes, now)
  if becomes == 'in_doubt' then redis.call('HSET', memory, id, 'in_doubt')
  elseif was ~= 'in_doubt' then return
  elseif becomes == 'captured' then redis.call('HSET', memory, id, string.format('%.0f', now + DAY_US))
  else redis.call('HDEL', memory, id) end
  for _, twin in ipairs(redis.call('HVALS', memory)) do
    if twin == 'in_doubt' then return redis.call('PERSIST', memory) end
  end
  redis.call('PEXPIRE', memory, DAY_MS)
end
