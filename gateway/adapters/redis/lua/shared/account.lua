-- Moves one account: adds to what is posted and to what is held, as text, because a number would lose digits.
-- An account whose window was swept is not revived by what comes back to it late; the entry stands all the same.
local function shift_account(account, shift, balance)
  local posted, held, ends = unpack(shift)
  if posted == '0' and held == '0' then return end
  local known = balance[1] or balance[2] or redis.call('EXISTS', account) == 1
  if not known and string.find(posted .. held, '-', 1, true) then return end
  if posted ~= '0' then redis.call('HINCRBY', account, 'posted', posted) end
  if held ~= '0' then redis.call('HINCRBY', account, 'held', held) end
  if not known then redis.call('HSET', account, 'ends', ends) end
end
