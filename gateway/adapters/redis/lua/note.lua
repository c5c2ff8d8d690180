#!lua flags=allow-oom
-- An entry that moves nothing: something that somebody should know of, once for each kind and subject. What was noted is
-- remembered for as long as what has ended stays. Everything is read and checked before the first write.
--
-- KEYS  store, entries, what was noted
-- ARGV  epoch, sequence seen, now, how long it is remembered, kind, subject, then (name, text) of each fact
-- Times are microseconds since 1970.
local store, entries, noted = unpack(KEYS)
local epoch, seen, now, lasts, kind, subject = unpack(ARGV, 1, 6)

local ledger = redis.call('HMGET', store, 'epoch', 'seq')
if not ledger[1] then return {'closed', 'uninitialised'} end
if ledger[1] ~= epoch then return {'closed', 'epoch'} end
local seq, name = tonumber(ledger[2] or 0), kind .. ' ' .. subject
if seq < tonumber(seen) then epoch = freeze(store, epoch, seq, seen) end
if redis.call('ZSCORE', noted, name) then return {'already', string.format('%.0f', seq)} end

local sequence = string.format('%.0f', seq + 1)
redis.call('XADD', entries, sequence .. '-0', 'epoch', epoch, 'kind', kind, 'hold', subject, 'at', now, 'moves', '',
  unpack(ARGV, 7))
redis.call('HSET', store, 'seq', sequence)
redis.call('ZREMRANGEBYSCORE', noted, '-inf', string.format('%.0f', now - lasts))
redis.call('ZADD', noted, now, name)
return {'noted', sequence}
