#!lua flags=allow-oom
-- What came of an attempt. Where another one was noted since this one began, or the event is not waiting any more, it
-- only joins the history; but what was delivered was delivered.
--
-- KEYS  event, due events of the team
-- ARGV  event id, tries before the attempt, state after it, when it is due again (or ''), the attempt as a line, how many
--       lines stay, how long in milliseconds an event that is not due stays
-- Times are microseconds since 1970.
local event, due = unpack(KEYS)
local id, tries, becomes, again, line, lines, kept_ms = unpack(ARGV)
local stored = redis.call('HMGET', event, 'state', 'tries', 'attempts')
if not stored[1] then return {'missing'} end
redis.call('ZSCORE', due, id)
local history = {line}
for earlier in string.gmatch(stored[3] or '', '[^\n]+') do
  if #history < tonumber(lines) then history[#history + 1] = earlier end
end

redis.call('HSET', event, 'attempts', table.concat(history, '\n'))
if stored[1] ~= 'pending' or (stored[2] ~= tries and becomes ~= 'sent') then return {'late'} end
redis.call('HSET', event, 'state', becomes, 'tries', string.format('%.0f', tries + 1))
if again ~= '' then
  redis.call('ZADD', due, again, id)
else
  redis.call('ZREM', due, id)
  redis.call('PEXPIRE', event, kept_ms)
end
return {'noted'}
