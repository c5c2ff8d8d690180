#!lua flags=no-writes
-- The books at one instant: open holds with their charges, all entries if there are few and none is missing, and the
-- balances of every account that either names, with the time of the last admission that an entry has of it.
--
-- KEYS  entries, store, index of held, of in_doubt, of captured
-- ARGV  how many of each at most, prefixes of hold, account
local entries, store = KEYS[1], KEYS[2]
local limit, hold_prefix, account_prefix = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local holds, moves, accounts, names, total = {}, {}, {}, {}, 0

local function note(line, admitted)
  local account = string.match(line, '^%S+')
  if not names[account] then
    local balance = redis.call('HMGET', account_prefix .. account, 'posted', 'held')
    local there = redis.call('EXISTS', account_prefix .. account)
    names[account] = {account, there, balance[1] or '0', balance[2] or '0', '0'}
    accounts[#accounts + 1] = names[account]
  end
  if admitted then names[account][5] = admitted end
end

for i = 3, 5 do
  total = total + redis.call('ZCARD', KEYS[i])
  if #holds < limit then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[i], 0, limit - #holds - 1)) do
      local found = redis.call('HMGET', hold_prefix .. id, 'state', 'charges')
      holds[#holds + 1] = {i - 2, id, found[1] or '', found[2] or ''}
      for line in string.gmatch(found[2] or '', '[^\n]+') do note(line) end
    end
  end
end

-- A stream that counts more entries than it has was trimmed: then its sum is not all that was posted.
local length, added = redis.call('XLEN', entries), 0
if length > 0 then
  local about = redis.call('XINFO', 'STREAM', entries)
  for i = 1, #about, 2 do
    if about[i] == 'entries-added' then added = about[i + 1] end
  end
end
local complete = length == added and length <= limit
if complete then
  for _, entry in ipairs(redis.call('XRANGE', entries, '-', '+')) do
    local said = {}
    for i = 1, #entry[2], 2 do said[entry[2][i]] = entry[2][i + 1] end
    moves[#moves + 1] = said.moves
    for line in string.gmatch(said.moves or '', '[^\n]+') do note(line, said.kind == 'hold' and said.at) end
  end
end
local swept = redis.call('HGET', store, 'swept') or '0'
return {total == #holds and 1 or 0, holds, complete and 1 or 0, moves, accounts, swept}
