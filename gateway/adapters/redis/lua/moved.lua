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
local first, last, named, reply = nil, after, {}, {'', '', 0, 0}
for _, entry in ipairs(found) do
  last = string.match(entry[1], '^%d+')
  first = first or last
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'moves' then
      for account, posted, held in string.gmatch(fields[i + 1], '(%S+) (%-?%d+) (%-?%d+)') do
        if not named[account] and posted + held > 0 and string.sub(account, 1, 5) ~= 'test:' then
          named[account] = true
          reply[#reply + 1] = account
        end
      end
    end
  end
end
local gap = current ~= epoch or (first and tonumber(first) > tonumber(after) + 1)
reply[1], reply[2], reply[3], reply[4] = current, last, gap and 1 or 0, #found == tonumber(most) and 1 or 0
return reply
