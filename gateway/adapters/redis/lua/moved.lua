#!lua flags=no-writes
-- Which accounts have more on them by the next entries, each once: they are read here, so that their records need not
-- leave the store. Accounts of test keys are left out, and shifts by which nothing more stands on an account.
--
-- KEYS  store, entries      ARGV  epoch and sequence of the entry looked at last, how many entries at most
-- Returns the epoch, the last sequence, whether entries before these are gone, whether there are more; then the accounts.
local store, entries = unpack(KEYS)
local epoch, after, most = unpack(ARGV)

local current = redis.call('HGET', store, 'epoch')
if not current then return {''} end
-- Another history: whatever was looked at, and all of what is there.
if current ~= epoch then after = '0' end
local found = redis.call('XRANGE', entries, '(' .. after .. '-0', '+', 'COUNT', most)
local read, named, reply = {}, {}, {'', '', 0, 0}

local function name_those_of(moves)
  for account, posted, held in string.gmatch(moves, '(%S+) (%-?%d+) (%-?%d+)') do
    if not named[account] and posted + held > 0 and string.sub(account, 1, 5) ~= 'test:' then
      named[account] = true
      reply[#reply + 1] = account
    end
  end
end

-- Jobs of one kind move the same, and come in crowds.
for _, entry in ipairs(found) do
  local fields = entry[2]
  for i = 1, #fields, 2 do
    local moves = fields[i] == 'moves' and fields[i + 1]
    if moves and not read[moves] then
      read[moves] = true
      name_those_of(moves)
    end
  end
end
local first = found[1] and string.match(found[1][1], '^%d+')
local last = found[1] and string.match(found[#found][1], '^%d+') or after
local gap = current ~= epoch or (first and tonumber(first) > tonumber(after) + 1)
reply[1], reply[2], reply[3], reply[4] = current, last, gap and 1 or 0, #found == tonumber(most) and 1 or 0
return reply
