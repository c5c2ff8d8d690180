#!lua
-- Takes a lease, or keeps it for longer, unless another holder has it; for no time at all: lets it go. In a store without an epoch nothing is done, so
-- there is nothing to take: it must stay as empty as it was found.
--
-- KEYS  store, lease      ARGV  holder, milliseconds (0: let it go)
local store, lease = unpack(KEYS)
local holder, lasts = unpack(ARGV)

local has = redis.call('GET', lease)
if redis.call('HEXISTS', store, 'epoch') == 0 or has and has ~= holder then return {'taken'} end
if lasts == '0' then
  redis.call('DEL', lease)
  return {'left'}
end
redis.call('SET', lease, holder, 'PX', lasts)
return {'yours'}
