#!lua
-- Whoever asks gets the events of a team that are due, and nobody else does until its lease is over.
--
-- KEYS  due events of the team, teams with due events      ARGV  now, end of the lease, how many at most, team
-- Times are microseconds since 1970.
local due, teams = unpack(KEYS)
local now, lease, most, team = unpack(ARGV)
if redis.call('ZCARD', due) == 0 then
  redis.call('SREM', teams, team)
  return {}
end
local found = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, id in ipairs(found) do redis.call('ZADD', due, lease, id) end
return found
