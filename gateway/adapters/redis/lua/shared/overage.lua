-- Three overages of one price within an hour close it: what is charged is not what is priced, and nobody knows why.
local HOUR_US, HOUR_MS, TOO_MANY = 3600000000, 3600000, 3

-- Counts one, and says whether it was the one that closed the price.
local function count_overage(overages, closed, price, id, now)
  redis.call('ZREMRANGEBYSCORE', overages, '-inf', string.format('%.0f', now - HOUR_US))
  redis.call('ZADD', overages, now, id)
  redis.call('PEXPIRE', overages, HOUR_MS)
  return redis.call('ZCARD', overages) >= TOO_MANY and redis.call('SADD', closed, price) == 1
end
