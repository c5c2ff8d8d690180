#!lua flags=allow-oom
-- An account whose window ended long ago goes, unless something is held on it. Then it leaves the list as well: the
-- hold that holds there puts it on again when it goes itself.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  store, past accounts, account      ARGV  now, max skew, horizon, account's name
-- Times are microseconds since 1970.
local store, past, account = unpack(KEYS)
local now, max_skew, horizon, name = unpack(ARGV)

local reason = unfit(store, now, max_skew)
if reason then return {'closed', reason} end
redis.call('ZSCORE', past, name)
local stored = redis.call('HMGET', account, 'held', 'ends')
local held, ends = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
if ends > tonumber(horizon) then
  redis.call('ZADD', past, stored[2], name)
  return {'kept'}
end

redis.call('ZREM', past, name)
if held ~= 0 or ends == 0 then return {'kept'} end
redis.call('DEL', account)
if not is_swept(store, stored[2]) then redis.call('HSET', store, 'swept', stored[2]) end
return {'swept'}
