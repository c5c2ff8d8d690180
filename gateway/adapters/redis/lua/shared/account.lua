-- Moves accounts: adds to what is posted and to what is held, so that a number never loses digits.
-- An account that was swept is not revived by what comes late, be it more or less; nor is any by what returns to it
-- alone. The entry stands all the same.

-- What a field came to: as it was answered, or read back where a number here would lose digits.
local function added(account, field, amount)
  local sum = redis.call('HINCRBY', account, field, amount)
  if math.abs(sum) < 9007199254740992 then return sum end
  return redis.call('HGET', account, field)
end

-- The accounts KEYS[first] to KEYS[last], of which two may be one. They are read now, and written when they are closed.
-- Fails now where there is something else than numbers.
local function open_books(store, first, last)
  local books, accounts, sums = {}, {}, {}
  for i = first, last do
    local balance = redis.call('HMGET', KEYS[i], 'posted', 'held')
    accounts[KEYS[i]] = {balance = balance, known = balance[1] or balance[2]}
    sums[i] = {0 * (balance[1] or 0), 0 * (balance[2] or 0)}
  end

  -- `shifts` are {posted, held, window's end}, by the account's number. Returns what of that was done, in order.
  function books.shift(shifts)
    local lines = {}
    for i, shift in pairs(shifts) do
      local posted, held, ends = unpack(shift)
      local account = accounts[KEYS[i]]
      account.known = account.known or (posted ~= 0 or held ~= 0) and redis.call('EXISTS', KEYS[i]) == 1
      if not account.known and posted >= 0 and held >= 0 and posted + held > 0 and not is_swept(store, ends) then
        account.known, account.ends = true, ends
      end
      if not account.known then posted, held = 0, 0 end
      sums[i] = {sums[i][1] + posted, sums[i][2] + held}
      lines[i - first + 1] = {posted, held}
    end
    return lines
  end

  -- What is then {posted, held} of each, one after the other.
  function books.close()
    for i = first, last do
      local account, posted, held = accounts[KEYS[i]], unpack(sums[i])
      if posted ~= 0 then account.balance[1] = added(KEYS[i], 'posted', string.format('%.0f', posted)) end
      if held ~= 0 then account.balance[2] = added(KEYS[i], 'held', string.format('%.0f', held)) end
      if account.ends then redis.call('HSET', KEYS[i], 'ends', account.ends) end
    end
    local lines = {}
    for i = first, last do
      lines[#lines + 1] = accounts[KEYS[i]].balance[1] or '0'
      lines[#lines + 1] = accounts[KEYS[i]].balance[2] or '0'
    end
    return lines
  end
  return books
end
