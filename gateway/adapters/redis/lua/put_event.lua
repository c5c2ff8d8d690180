#!lua
-- An event is put up to be sent, due at once, if it is not known yet: whoever tells it again changes nothing.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  store, event, events, due events of the team, teams with due events
-- ARGV  now, horizon, event id, team, record, body
-- Times are microseconds since 1970. What is older than the horizon leaves the list of events.
local store, event, events, due, teams = unpack(KEYS)
local now, horizon, id, team, record, body = unpack(ARGV)
if redis.call('HEXISTS', store, 'epoch') == 0 then return {'uninitialised'} end
if redis.call('HEXISTS', event, 'state') == 1 then return {'known'} end
check_events(events, due, teams, team)

send(event, events, due, teams, now, horizon, id, team, record, body)
return {'put'}
