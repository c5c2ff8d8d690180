-- Why nothing may be swept now, if so: a store that lost history is left as it is, and a wrong clock sweeps nothing.
local function unfit(store, now, max_skew)
  local state = redis.call('HMGET', store, 'epoch', 'frozen')
  if not state[1] then return 'uninitialised' end
  if state[2] then return 'frozen' end
  local time = redis.call('TIME')
  local skew = tonumber(now) - (tonumber(time[1]) * 1000000 + tonumber(time[2]))
  if math.abs(skew) > tonumber(max_skew) then return 'at another time' end
end
