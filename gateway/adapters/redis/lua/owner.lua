#!lua flags=no-writes
-- The hold that a job is bound to. One call, whoever's the job is, and whether or not there is one.
--
-- KEYS  job      ARGV  prefix of holds, then the names of the fields that are wanted
local hold = redis.call('GET', KEYS[1])
if not hold then return {} end
return redis.call('HMGET', ARGV[1] .. hold, unpack(ARGV, 2))
