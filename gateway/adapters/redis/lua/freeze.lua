#!lua flags=allow-oom
-- A gateway found that history was lost: from now on every hold is refused, and what is written belongs to a new epoch,
-- so that no entry ever passes for one that is gone. Where it is frozen already, what was lost is only added up.
--
-- KEYS  store      ARGV  the epoch it is in, the epoch it comes to, first and last sequence lost
local store = KEYS[1]
local expected, fresh, first, last = unpack(ARGV)
local state = redis.call('HMGET', store, 'epoch', 'frozen', 'lost_from', 'lost_to')
if state[1] ~= expected then return {'moved'} end
local time = redis.call('TIME')
if state[3] and tonumber(state[3]) < tonumber(first) then first = state[3] end
if state[4] and tonumber(state[4]) > tonumber(last) then last = state[4] end
redis.call('HSET', store, 'epoch', fresh, 'frozen', 'history lost', 'lost_from', first, 'lost_to', last)
if not state[2] or fresh ~= expected then
  redis.call('HSET', store, 'frozen_at', time[1] .. string.format('%06d', time[2]))
end
return {'frozen'}
