-- The reply of a script that is asked about several holds: first what they share, then what each of them came to. One
-- that fails fails alone: whatever it would have written it had checked before, so it wrote nothing.
local function integer(n) return string.format('%d', n) end

local function all(count, ...)
  local rows = {{}}
  for n = 1, count do rows[n + 1] = {...} end
  return rows
end

local function each(count, one)
  local rows = {{}}
  for n = 1, count do
    local fine, row = pcall(one, n)
    rows[n + 1] = fine and row or {'failed', type(row) == 'table' and row.err or row}
  end
  return rows
end
