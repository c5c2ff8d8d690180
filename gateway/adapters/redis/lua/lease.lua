#!lua
-- Takes a lease, or keeps it for longer, unless another holder has it.
--
-- KEYS  lease      ARGV  holder, milliseconds
local lease = KEYS[1]
local holder, lasts = unpack(ARGV)

local has = redis.call('GET', lease)
if has and has ~= holder then return {'taken'} end
redis.call('SET', lease, holder, 'PX', lasts)
return {'yours'}
