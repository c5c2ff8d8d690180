-- Puts an event up to be sent, due at once. Whoever calls this has seen that it is not known yet, by `readable`, which
-- fails where there is something else than events.
local function readable(event, events, due, teams, team)
  redis.call('ZCARD', events)
  redis.call('ZCARD', due)
  redis.call('SISMEMBER', teams, team)
  return redis.call('HEXISTS', event, 'state') == 0
end

-- What is older than the horizon leaves the list of events.
local function send(event, events, due, teams, now, horizon, id, team, record, body)
  redis.call('HSET', event, 'state', 'pending', 'tries', '0', 'record', record, 'body', body)
  redis.call('ZREMRANGEBYSCORE', events, '-inf', horizon)
  redis.call('ZADD', events, now, id)
  redis.call('ZADD', due, now, id)
  redis.call('SADD', teams, team)
end
