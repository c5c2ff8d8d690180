#!lua flags=allow-oom
-- A hold that ended long ago goes, if it still is as it was read: its record, what leads to it, what is remembered of
-- it, and its places among the ended and among its team's jobs, together. Its accounts are noted: they go when their windows are past as well.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  store, ended, hold, job, memory, past accounts, the team's jobs
-- ARGV  now, max skew, horizon, hold id, job id (or ''), ended states (each between spaces), asked body ('' without an
--       idempotency key), when it ended by the index, when in truth, then (window's end, account) each
-- Times are microseconds since 1970.
local store, ended, hold, job_key, memory, past, jobs = unpack(KEYS)
local now, max_skew, horizon, id, job, ends, asked, noted, at = unpack(ARGV, 1, 9)

local reason = unfit(store, now, max_skew)
if reason then return {'closed', reason} end
local place = redis.call('ZSCORE', ended, id)
if not place or tonumber(place) ~= tonumber(noted) then return {'kept'} end
local stored = redis.call('HMGET', hold, 'state', 'job')
local owner_of_job = redis.call('GET', job_key)
local remembered = recalls(asked ~= '', memory, id)
redis.call('ZCARD', past)
redis.call('ZSCORE', jobs, id)

-- An index that names what is gone or open is put right.
if not stored[1] or not string.find(ends, ' ' .. stored[1] .. ' ', 1, true) then
  redis.call('ZREM', ended, id)
  return {'kept'}
end
if (stored[2] or '') ~= job then return {'kept'} end
if tonumber(at) > tonumber(horizon) then
  redis.call('ZADD', ended, at, id)
  return {'kept'}
end

redis.call('ZREM', ended, id)
redis.call('ZREM', jobs, id)
redis.call('DEL', hold)
if owner_of_job == id then redis.call('DEL', job_key) end
if remembered then forget(asked ~= '', memory, id) end
for i = 10, #ARGV, 2 do redis.call('ZADD', past, ARGV[i], ARGV[i + 1]) end
return {'swept'}
