-- Moves accounts: adds to what is posted and to what is held, so that a number never loses digits.
-- An account that was swept is not revived by what comes late, be it more or less; nor is any by what returns to it
-- alone. The entry stands all the same.

local function is_exact(n) return math.abs(n) < 9007199254740992 end

-- What a field came to: as it was answered, or read back where a number here would lose digits.
local function added(account, field, amount)
  local sum = redis.call('HINCRBY', account, field, amount)
  if is_exact(sum) then return sum end
  return redis.call('HGET', account, field)
end

-- Adds to both fields of an account whose balance is {posted, held}: in one command, where no number loses digits.
local function both(account, balance, posted, held)
  local was_posted, was_held = tonumber(balance[1] or 0), tonumber(balance[2] or 0)
  local sums = {was_posted + posted, was_held + held}
  if is_exact(was_posted) and is_exact(was_held) and is_exact(sums[1]) and is_exact(sums[2]) then
    redis.call('HSET', account, 'posted', integer(sums[1]), 'held', integer(sums[2]))
    return sums
  end
  return {added(account, 'posted', posted), added(account, 'held', held)}
end

-- The accounts KEYS[first] to KEYS[last], of which two may be one. They are read now, and written when they are closed.
-- Fails now where there is something else than numbers.
local function open_books(store, first, last)
  local books, accounts, posted_sums, held_sums = {}, {}, {}, {}
  for i = first, last do
    local balance = redis.call('HMGET', KEYS[i], 'posted', 'held')
    accounts[KEYS[i]] = {balance = balance, known = balance[1] or balance[2]}
    posted_sums[i], held_sums[i] = 0 * (balance[1] or 0), 0 * (balance[2] or 0)
  end

  -- `shifts` are {posted, held} of all accounts in order, `ends` the ends of their windows. Returns what of that was
  -- done.
  function books.shift(shifts, ends)
    local lines = {}
    for n, window_end in ipairs(ends) do
      local i, posted, held = first + n - 1, shifts[2 * n - 1], shifts[2 * n]
      local account = accounts[KEYS[i]]
      account.known = account.known or (posted ~= 0 or held ~= 0) and redis.call('EXISTS', KEYS[i]) == 1
      if not account.known and posted >= 0 and held >= 0 and posted + held > 0 and not is_swept(store, window_end) then
        account.known, account.ends = true, window_end
      end
      if not account.known then posted, held = 0, 0 end
      posted_sums[i], held_sums[i] = posted_sums[i] + posted, held_sums[i] + held
      lines[2 * n - 1], lines[2 * n] = posted, held
    end
    return lines
  end

  -- What is then {posted, held} of each, one after the other.
  function books.close()
    for i = first, last do
      local account, posted, held = accounts[KEYS[i]], posted_sums[i], held_sums[i]
      if posted ~= 0 and held ~= 0 then account.balance = both(KEYS[i], account.balance, posted, held)
      elseif posted ~= 0 then account.balance[1] = added(KEYS[i], 'posted', posted)
      elseif held ~= 0 then account.balance[2] = added(KEYS[i], 'held', held) end
      if account.ends then redis.call('HSET', KEYS[i], 'ends', integer(account.ends)) end
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
