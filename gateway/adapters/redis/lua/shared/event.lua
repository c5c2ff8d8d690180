-- Fails where there is something else than events: before the first write, because a script that fails keeps its writes.
local function check_events(events, due, teams, team)
  redis.call('ZCARD', events)
  redis.call('ZCARD', due)
  redis.call('SISMEMBER', teams, team)
end

-- Puts up an event that is not known yet, due at once. What is older than the horizon leaves the list of events.
local function send(event, events, due, teams, now, horizon, id, team, record, body)
  redis.call('HSET', event, 'state', 'pending', 'tries', '0', 'record', record, 'body', body)
  redis.call('ZREMRANGEBYSCORE', events, '-inf', horizon)
  redis.call('ZADD', events, now, id)
  redis.call('ZADD', due, now, id)
  redis.call('SADD', teams, team)
end
