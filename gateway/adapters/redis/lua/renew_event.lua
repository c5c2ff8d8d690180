#!lua
-- An event is put up to be sent anew, due at once, whatever came of it before.
--
-- KEYS  event, events, due events of the team, teams with due events      ARGV  now, event id, team
-- Times are microseconds since 1970.
local event, events, due, teams = unpack(KEYS)
local now, id, team = unpack(ARGV)
if redis.call('HEXISTS', event, 'state') == 0 then return {'missing'} end
redis.call('ZSCORE', events, id)
redis.call('ZSCORE', due, id)
redis.call('SISMEMBER', teams, team)

redis.call('HSET', event, 'state', 'pending', 'tries', '0')
redis.call('PERSIST', event)
redis.call('ZADD', events, now, id)
redis.call('ZADD', due, now, id)
redis.call('SADD', teams, team)
return {'renewed'}
