#!lua flags=no-writes
-- What a gateway looks at before it writes, and every second after: whose history this is, how far it has come, whether
-- the entry that the gateway remembers is still where it was, and who else is here.
--
-- KEYS  store, entries, gateways      ARGV  the sequence of the entry that is remembered (0 for none)
-- Times are microseconds since 1970, by the store's clock: it is the only one that all gateways share.
local store, entries, gateways = unpack(KEYS)
local sequence = ARGV[1]

local state = redis.call('HMGET', store, 'epoch', 'organization', 'seq', 'frozen', 'frozen_at', 'lost_from', 'lost_to',
  'room_to')
if not state[1] then return {'uninitialised'} end
local time = redis.call('TIME')

-- Where there is none, whatever was is trimmed.
local function first_sequence()
  local oldest = redis.call('XRANGE', entries, '-', '+', 'COUNT', 1)[1]
  return oldest and string.match(oldest[1], '^%d+') or string.format('%.0f', (state[3] or 0) + 1)
end

local function remembered()
  local found = redis.call('XRANGE', entries, sequence .. '-0', sequence .. '-0')[1]
  local named = {}
  for i = 1, #(found and found[2] or {}), 2 do named[found[2][i]] = found[2][i + 1] end
  return named
end

local entry = remembered()
local reply = {
  'known', time[1] .. string.format('%06d', time[2]), state[1], state[2] or '', state[3] or '0', first_sequence(),
  state[4] or '', state[5] or '', state[6] or '', state[7] or '', state[8] or '', entry.epoch or '', entry.hold or '',
}
for _, word in ipairs(redis.call('HGETALL', gateways)) do reply[#reply + 1] = word end
return reply
