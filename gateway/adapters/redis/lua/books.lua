#!lua flags=no-writes
-- The books at one instant: open holds with their charges, all entries behind a certain one if there are few and none is
-- missing, and the balances of every account that either names, or that is asked about, with the time of the last
-- admission that an entry has of it.
--
-- KEYS  entries, store, index of held, of in_doubt, of captured
-- ARGV  how many of each at most, prefixes of hold, account, epoch, sequence (0 for none) and hold of that entry, then
--       accounts
local entries, store = KEYS[1], KEYS[2]
local limit, hold_prefix, account_prefix = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local epoch, after, hold = ARGV[4], ARGV[5], ARGV[6]

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

for i = 7, #ARGV do note(ARGV[i]) end

local function fields(entry)
  local said = {}
  for i = 1, #(entry and entry[2] or {}), 2 do said[entry[2][i]] = entry[2][i + 1] end
  return said
end

-- From the beginning, a stream that counts more entries than it has was trimmed: then its sum is not all that was posted.
local function is_whole()
  local length, added = redis.call('XLEN', entries), 0
  if after ~= '0' then
    local said = fields(redis.call('XRANGE', entries, after .. '-0', after .. '-0')[1])
    return said.epoch == epoch and said.hold == hold
  end
  if length > 0 then
    local about = redis.call('XINFO', 'STREAM', entries)
    for i = 1, #about, 2 do
      if about[i] == 'entries-added' then added = about[i + 1] end
    end
  end
  return length == added
end

local complete = is_whole()
local found = complete and redis.call('XRANGE', entries, '(' .. after .. '-0', '+', 'COUNT', limit + 1) or {}
complete = complete and #found <= limit
if complete then
  local follows = after + 1
  for _, entry in ipairs(found) do
    local said, seq = fields(entry), tonumber(string.match(entry[1], '^%d+'))
    complete = complete and (seq == follows or said.kind == 'resume')
    follows = seq + 1
    moves[#moves + 1] = said.moves
    for line in string.gmatch(said.moves or '', '[^\n]+') do note(line, said.kind == 'hold' and said.at) end
  end
end
local swept = redis.call('HGET', store, 'swept') or '0'
return {total == #holds and 1 or 0, holds, complete and 1 or 0, moves, accounts, swept}
