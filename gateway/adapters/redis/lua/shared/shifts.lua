-- How far a move shifts each account. What is the same for like holds stands in the terms of their call, from ARGV[6] on:
-- for each account its window's end, then {posted, held} of each flow, where `cost` and `-cost` stand for the hold's own.

-- {posted, held, window's end} of the accounts KEYS[first] to KEYS[last], by number; none for the flow '0'. No more than
-- `left` comes back of what was posted.
local function shifts_of(flow, flows, first, last, cost, left)
  local shifts, amounts = {}, {cost = tonumber(cost), ['-cost'] = 0 - cost}
  for i = first, flow == '0' and 0 or last do
    local at = 6 + (i - first) * (1 + 2 * flows)
    local posted, held = ARGV[at + 2 * flow - 1], ARGV[at + 2 * flow]
    shifts[i] = {math.max(amounts[posted] or tonumber(posted), 0 - left), tonumber(held), ARGV[at]}
  end
  return shifts
end
