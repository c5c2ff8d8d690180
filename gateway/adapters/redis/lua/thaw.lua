#!lua flags=allow-oom
-- Admission goes on after a loss, once every gateway that lives has replayed what it knows: in a new epoch, above the
-- highest sequence that anybody saw, with an entry that says what is missing before it.
--
-- KEYS  store, entries, gateways
-- ARGV  now, the epoch it is frozen in, the epoch it comes to, how long it stays frozen at least, how long a gateway
--       may be silent and still live
-- Times are microseconds since 1970; how long ago something was is told by the store's clock.
local store, entries, gateways = unpack(KEYS)
local now, expected, fresh, patience, lives = unpack(ARGV)

local state = redis.call('HMGET', store, 'epoch', 'frozen', 'frozen_at', 'seq', 'lost_from', 'lost_to')
if state[1] ~= expected or not state[2] then return {'moved'} end
local time = redis.call('TIME')
local clock = tonumber(time[1] .. string.format('%06d', time[2]))
if clock - (state[3] or 0) < tonumber(patience) then return {'early'} end

local seq = tonumber(state[4] or 0)
local first, last = tonumber(state[5] or seq + 1), tonumber(state[6] or seq)
local highest, waiting = math.max(seq, last), {'waiting'}
local known = redis.call('HGETALL', gateways)
for i = 1, #known, 2 do
  local beat, seen, replayed = string.match(known[i + 1], '^(%d+) (%d+) ?(.*)$')
  highest = math.max(highest, tonumber(seen))
  if clock - beat <= tonumber(lives) and replayed ~= expected then waiting[#waiting + 1] = known[i] end
end
if #waiting > 1 then return waiting end

local function integer(n) return string.format('%.0f', n) end
local sequence = integer(highest + 1)
redis.call('XADD', entries, sequence .. '-0', 'epoch', fresh, 'kind', 'resume', 'hold', '', 'at', now, 'moves', '',
  'lost_from', integer(first), 'lost_to', integer(last))
redis.call('HSET', store, 'epoch', fresh, 'seq', sequence)
redis.call('HDEL', store, 'frozen', 'frozen_at', 'lost_from', 'lost_to')
return {'thawed', sequence}
