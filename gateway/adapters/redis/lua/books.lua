#!lua flags=no-writes
-- The books at one instant: open holds with their charges, the moves of all entries if there are few and none is
-- missing, each behind its time, and the balances of every account that either names.
--
-- KEYS  entries, index of held, of in_doubt, of captured      ARGV  how many of each at most, prefixes of hold, account
local entries = KEYS[1]
local limit, hold_prefix, account_prefix = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local holds, moves, accounts, names, total = {}, {}, {}, {}, 0

local function note(line)
  local account = string.match(line, '^%S+')
  if not names[account] then
    names[account] = true
    local balance = redis.call('HMGET', account_prefix .. account, 'posted', 'held')
    local there = redis.call('EXISTS', account_prefix .. account)
    accounts[#accounts + 1] = {account, there, balance[1] or '0', balance[2] or '0'}
  end
end

for i = 2, 4 do
  total = total + redis.call('ZCARD', KEYS[i])
  if #holds < limit then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[i], 0, limit - #holds - 1)) do
      local found = redis.call('HMGET', hold_prefix .. id, 'state', 'charges')
      holds[#holds + 1] = {i - 1, id, found[1] or '', found[2] or ''}
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
    local named = {}
    for i = 1, #entry[2], 2 do named[entry[2][i]] = entry[2][i + 1] end
    moves[#moves + 1] = {named.at, named.moves}
    for line in string.gmatch(named.moves, '[^\n]+') do note(line) end
  end
end
local time = redis.call('TIME')
local now = time[1] .. string.format('%06d', time[2])
return {now, total == #holds and 1 or 0, holds, complete and 1 or 0, moves, accounts}
