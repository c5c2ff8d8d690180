-- Moves one account: adds to what is posted and to what is held, as text, because a number would lose digits.
-- An account that was swept is not revived by what comes late, be it more or less; nor is any by what returns to it
-- alone. The entry stands all the same.
local function shift_account(store, account, shift, balance)
  local posted, held, ends = unpack(shift)
  if posted == '0' and held == '0' then return end
  local known = balance[1] or balance[2] or redis.call('EXISTS', account) == 1
  if not known and (string.find(posted .. held, '-', 1, true) or is_swept(store, ends)) then return end
  if posted ~= '0' then redis.call('HINCRBY', account, 'posted', posted) end
  if held ~= '0' then redis.call('HINCRBY', account, 'held', held) end
  if not known then redis.call('HSET', account, 'ends', ends) end
end
