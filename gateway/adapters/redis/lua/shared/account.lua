-- Moves one account: adds to what is posted and to what is held, as text, because a number would lose digits.
-- An account that was swept is not revived by what comes late, be it more or less; nor is any by what returns to it
-- alone. The entry stands all the same.

-- What a field came to: as it was answered, or read back where a number here would lose digits.
local function added(account, field, amount)
  local sum = redis.call('HINCRBY', account, field, amount)
  if math.abs(sum) < 9007199254740992 then return string.format('%.0f', sum) end
  return redis.call('HGET', account, field)
end

-- `balance` is what was posted and held before, and becomes what is after.
local function shift_account(store, account, shift, balance)
  local posted, held, ends = unpack(shift)
  if posted == '0' and held == '0' then return end
  local known = balance[1] or balance[2] or redis.call('EXISTS', account) == 1
  if not known and (string.find(posted .. held, '-', 1, true) or is_swept(store, ends)) then return end
  if posted ~= '0' then balance[1] = added(account, 'posted', posted) end
  if held ~= '0' then balance[2] = added(account, 'held', held) end
  if not known then redis.call('HSET', account, 'ends', ends) end
end
