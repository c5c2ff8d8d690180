#!lua
-- A fresh store gets its epoch and its organization, once. One that has either is left as it is.
-- KEYS  store, entries      ARGV  epoch, organization, how many entries may be written before one is exported
local store, entries = unpack(KEYS)
local known = redis.call('HMGET', store, 'epoch', 'organization')
if known[1] then return {'known', known[1], known[2]} end
if redis.call('XLEN', entries) > 0 or redis.call('EXISTS', store) == 1 then return {'remains'} end
redis.call('HSET', store, 'epoch', ARGV[1], 'organization', ARGV[2], 'seq', '0', 'room_to', ARGV[3])
return {'known', ARGV[1], ARGV[2]}
