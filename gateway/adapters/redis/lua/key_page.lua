#!lua flags=no-writes
-- Some keys, the oldest first, from the one behind a certain place on. All of it is one instant.
--
-- KEYS  an index of keys
-- ARGV  prefix of keys, key to go on behind (or ''), when that was issued, how many
-- The reply is {id, when it was issued, its record, when it was last used}, of each.
local index, prefix, after, issued, count = KEYS[1], unpack(ARGV, 1, 4)

local first = 0
if after ~= '' then
  local rank = redis.call('ZRANK', index, after)
  -- A key never goes; a cursor that somebody made up goes on at its instant.
  first = rank and rank + 1 or redis.call('ZCOUNT', index, '-inf', '(' .. issued)
end
local found, rows = redis.call('ZRANGE', index, first, first + count - 1, 'WITHSCORES'), {}
for i = 1, #found, 2 do
  local fields = redis.call('HMGET', prefix .. found[i], 'record', 'used')
  rows[#rows + 1] = {found[i], found[i + 1], fields[1], fields[2] or ''}
end
return rows
