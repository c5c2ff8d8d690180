#!lua flags=no-writes
-- When jobs that run may end, as the upstream estimated it: those that hold a place on one account. The longest running
-- are looked at, and so many at most.
--
-- KEYS  index of captured holds      ARGV  prefix of holds, account, how many
local prefix, account, most = unpack(ARGV)
local found = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, most - 1)) do
  local charges, estimated_at = unpack(redis.call('HMGET', prefix .. id, 'charges', 'estimated_at'))
  if estimated_at and string.find('\n' .. charges, '\n' .. account .. ' ', 1, true) then
    found[#found + 1] = estimated_at
  end
end
return found
