#!lua
-- An alert is raised, once: it is marked, written as an entry that moves nothing, listed, and put up to be sent where
-- somebody is to be called. Everything is read and checked before the first write, because a script that fails keeps its
-- writes.
--
-- KEYS  store, entries, raised, listed, event, events, due events of the team, teams with due events
-- ARGV  epoch, sequence seen, now, when its mark may go, alert id, document, how many stay listed,
--       horizon, team, event record ('': nobody is called), then (name, text) of each fact
-- Times are microseconds since 1970, +inf for never.
local store, entries, raised, listed, event, events, due, teams = unpack(KEYS)
local epoch, seen, now, forgotten, id, document, most, horizon, team, record = unpack(ARGV, 1, 10)

local ledger = redis.call('HMGET', store, 'epoch', 'seq')
if not ledger[1] then return {'closed', 'uninitialised'} end
if ledger[1] ~= epoch then return {'closed', 'epoch'} end
local seq = tonumber(ledger[2] or 0)
if seq < tonumber(seen) then epoch = freeze(store, epoch, seq, seen) end
if redis.call('ZSCORE', raised, id) then return {'already', string.format('%.0f', seq)} end
redis.call('LLEN', listed)
local fresh = redis.call('HEXISTS', event, 'state') == 0
check_events(events, due, teams, team)

local sequence = string.format('%.0f', seq + 1)
redis.call('XADD', entries, sequence .. '-0', 'epoch', epoch, 'kind', 'alert', 'hold', id, 'at', now, 'moves', '',
  unpack(ARGV, 11))
redis.call('HSET', store, 'seq', sequence)
redis.call('ZREMRANGEBYSCORE', raised, '-inf', now)
redis.call('ZADD', raised, forgotten, id)
redis.call('LPUSH', listed, document)
redis.call('LTRIM', listed, 0, most - 1)
if record ~= '' and fresh then send(event, events, due, teams, now, horizon, id, team, record, document) end
return {'raised', sequence}
