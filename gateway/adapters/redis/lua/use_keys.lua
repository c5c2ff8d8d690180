#!lua
-- Keys were used in this hour. One that the store does not have, or not any more, is not made.
--
-- KEYS  keys      ARGV  the hour
local written = 0
for _, key in ipairs(KEYS) do
  local used = redis.call('HGET', key, 'used')
  if redis.call('HEXISTS', key, 'record') == 1 and (not used or tonumber(used) < tonumber(ARGV[1])) then
    redis.call('HSET', key, 'used', ARGV[1])
    written = written + 1
  end
end
return {written}
