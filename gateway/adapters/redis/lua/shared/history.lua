-- A gateway has seen more than the store has: history was lost. No hold is made from now on, and what is written belongs
-- to a new epoch, so that no entry ever passes for one that is gone. Returns that epoch.
local function freeze(store, epoch, seq, seen)
  local lineage, n = string.match(epoch, '^(.*)%.(%d+)$')
  local fresh = (lineage or epoch) .. '.' .. string.format('%.0f', (n or 1) + 1)
  local time = redis.call('TIME')
  redis.call('HSET', store, 'epoch', fresh, 'frozen', 'history lost', 'lost_to', seen,
    'lost_from', string.format('%.0f', seq + 1), 'frozen_at', time[1] .. string.format('%06d', time[2]))
  return fresh
end
