#!lua flags=allow-oom
-- A gateway says that it lives, what it has seen, and which freeze it has replayed. One that has not been heard of for
-- a day is forgotten. A store that lost its epoch, or is in another one, is left as it is.
--
-- KEYS  store, gateways      ARGV  epoch, boot, highest sequence seen, freeze that was replayed
-- Times are microseconds since 1970, by the store's clock: it is the only one that all gateways share.
local store, gateways = unpack(KEYS)
local epoch, boot, highest, replayed = unpack(ARGV)
local day = 86400000000

if redis.call('HGET', store, 'epoch') ~= epoch then return {'moved'} end
local known = redis.call('HGETALL', gateways)
local time = redis.call('TIME')
local now = time[1] .. string.format('%06d', time[2])
for i = 1, #known, 2 do
  if now - string.match(known[i + 1], '^%d+') > day then redis.call('HDEL', gateways, known[i]) end
end
redis.call('HSET', gateways, boot, now .. ' ' .. highest .. ' ' .. replayed)
return {'heard'}
