#!lua flags=allow-oom
-- Notes something about a job that runs. It moves nothing, so it is no entry; and it makes nothing of a hold that is gone,
-- nor changes one that has ended.
--
-- KEYS  hold      ARGV  field, text
if redis.call('HGET', KEYS[1], 'state') ~= 'captured' then return {'not running'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return {'marked'}
