-- How far a move shifts each account. What is the same for like holds was decided before, flow by flow: how far it shifts
-- what is posted and what is held on each account, and the same as an entry says it. Where it says `cost` or `-cost`
-- there, or the characters 1 or 2 here, the hold's own cost stands.

-- {posted, held} of all accounts in order, and as text; nothing for no flow. No more than `left` comes back of what was
-- posted.
local function shifts_of(flow, cost, left)
  if not flow then return nil, '' end
  local dear, back = math.max(cost, 0 - left), math.max(0 - cost, 0 - left)
  local amounts, shifts = {cost = dear, ['-cost'] = back}, {}
  for i, posted in ipairs(flow.posted) do
    shifts[2 * i - 1] = amounts[posted] or posted
    shifts[2 * i] = flow.held[i]
  end
  return shifts, (string.gsub(flow.moves, '[\1\2]', {['\1'] = integer(dear), ['\2'] = integer(back)}))
end
