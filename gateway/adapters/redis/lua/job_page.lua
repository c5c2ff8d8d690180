#!lua flags=no-writes
-- Some of a team's jobs, the newest first, from the one behind a certain place on. All of it is one instant: a job that
-- arrives meanwhile moves none of them.
--
-- KEYS  the team's jobs
-- ARGV  prefix of holds, hold to go on behind (or ''), when that was admitted, how many, then the fields that are wanted
-- The reply is {hold id, when it was admitted, its fields}, of each.
local index, prefix, after, admitted, count = KEYS[1], unpack(ARGV, 1, 4)

local first = 0
if after ~= '' then
  local rank = redis.call('ZREVRANK', index, after)
  -- One that is gone by now was older than any that are still shown, or as old.
  first = rank and rank + 1 or redis.call('ZCOUNT', index, admitted, '+inf')
end
local found, rows = redis.call('ZRANGE', index, first, first + count - 1, 'REV', 'WITHSCORES'), {}
for i = 1, #found, 2 do
  rows[#rows + 1] = {found[i], found[i + 1], redis.call('HMGET', prefix .. found[i], unpack(ARGV, 5))}
end
return rows
