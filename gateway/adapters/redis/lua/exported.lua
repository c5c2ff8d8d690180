#!lua flags=allow-oom
-- SQL has every entry up to this one: from now on so much more may be written, and what is older than the newest so
-- many exported ones goes. Only if it is the entry that stands there: where history was lost meanwhile, nothing goes.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  store, entries
-- ARGV  name of the SQL ledger, epoch, sequence, hold of the entry (0 for the sequence where there is none yet), how
--       far SQL may be behind, how many exported entries stay
local store, entries = unpack(KEYS)
local ledger, epoch, seq, hold, backlog, tail = unpack(ARGV)

local state = redis.call('HMGET', store, 'epoch', 'ledger')
if not state[1] then return {'uninitialised'} end
if state[2] and state[2] ~= ledger then return {'other', state[2]} end
if seq ~= '0' then
  local found = redis.call('XRANGE', entries, seq .. '-0', seq .. '-0')[1]
  local named = {}
  for i = 1, #(found and found[2] or {}), 2 do named[found[2][i]] = found[2][i + 1] end
  if named.epoch ~= epoch or named.hold ~= hold then return {'cut'} end
end

local first, gone = tonumber(seq) - tonumber(tail), 0
if first > 1 then gone = redis.call('XTRIM', entries, 'MINID', string.format('%.0f-0', first)) end
redis.call('HSET', store, 'ledger', ledger, 'exported', seq, 'room_to', string.format('%.0f', seq + backlog))
return {'exported', gone}
