#!lua flags=allow-oom
-- One step of a hold's life after admission: capture, void, doubt, finish, refund. Which step each state takes, and
-- how far each account shifts, was decided in core/ledger.py and arrives as arguments; here it happens once, whole.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  store, hold, job, entries, indices of held, in_doubt, captured, ended, memory, overages, closed prices, then
--       accounts
-- ARGV  now, sequence seen, hold id, job id (or ''), charges, row, record, attempt, digest, asked body ('' without an
--       idempotency key), price, reply to keep (or ''), epoch, number of flows, number of facts, then (name, text) of
--       each fact, then for each account its window's end and (posted, held) of each flow
-- The row is `;state:outcome,becomes,flow,recorded` for every state: what the step is called, where the hold goes (or
-- nothing), which flow amounts take (0 for none), and whether it is written down although nothing moves.
-- Times are microseconds since 1970. Amounts stay text, because a number would lose digits.
local store, hold, job_key, entries, held, in_doubt, captured, ended, memory, overages, closed = unpack(KEYS, 1, 11)
local now, seen, id, job, charges, row, record, attempt, digest, asked, price, kept, epoch = unpack(ARGV, 1, 13)
local flows, facts = tonumber(ARGV[14]), tonumber(ARGV[15])
local first_account, first_shift = 12, 16 + 2 * facts
local index = {held = held, in_doubt = in_doubt, captured = captured, finished = ended, refunded = ended, voided = ended}

local function integer(n) return string.format('%.0f', n) end

local ledger = redis.call('HMGET', store, 'epoch', 'seq')
if not ledger[1] then return {'closed', 'uninitialised'} end
if ledger[1] ~= epoch then return {'closed', 'epoch'} end
local seq = tonumber(ledger[2] or 0)
local stored = redis.call('HMGET', hold, 'state', 'charges', 'cost', 'contradicted', 'captured_at')
local state = stored[1] or 'none'
local outcome, becomes, flow, recorded = string.match(row, ';' .. state .. ':([%w_]+),([%w_]*),(%d),(%d)')

if stored[2] and stored[2] ~= charges then
  return redis.error_reply('ERR the charges of hold ' .. id .. ' are not those it was admitted with')
end
-- Admission stops, and what was admitted still moves.
if seq < tonumber(seen) then epoch = freeze(store, epoch, seq, seen) end

-- Two charges may be on one account: then both have the one balance.
local balances = {}
for i = first_account, #KEYS do
  balances[KEYS[i]] = balances[KEYS[i]] or redis.call('HMGET', KEYS[i], 'posted', 'held')
end
local function reply(came_to, has_closed)
  local lines = {came_to, state, integer(seq), has_closed and '1' or '0'}
  for i = first_account, #KEYS do
    lines[#lines + 1] = balances[KEYS[i]][1] or '0'
    lines[#lines + 1] = balances[KEYS[i]][2] or '0'
  end
  return lines
end

if becomes ~= '' and job ~= '' then
  local owner = redis.call('GET', job_key)
  if owner and owner ~= id then return reply('job_bound') end
end
if becomes == '' and (stored[4] or recorded == '0') then return reply(outcome) end
if index[state] then redis.call('ZSCORE', index[state], id) end
if index[becomes] then redis.call('ZSCORE', index[becomes], id) end
if asked ~= '' then redis.call('GET', memory)
elseif state == 'in_doubt' or becomes == 'in_doubt' then redis.call('HVALS', memory) end

-- No more comes back than was posted.
local shifts, moves, posted = {}, {}, tonumber(stored[3] or 0)
for i = first_account, flow == '0' and 0 or #KEYS do
  local at = first_shift + (i - first_account) * (1 + 2 * flows)
  local shift = {ARGV[at + 2 * flow - 1], ARGV[at + 2 * flow], ARGV[at]}
  if 0 - shift[1] > posted then shift[1] = integer(0 - posted) end
  shifts[i] = shift
  moves[#moves + 1] = string.sub(KEYS[i], 16) .. ' ' .. shift[1] .. ' ' .. shift[2]
end

seq = seq + 1
local entry = {'epoch', epoch, 'kind', outcome, 'hold', id, 'at', now, 'moves', table.concat(moves, '\n')}
if state == 'none' then
  entry[#entry + 1] = 'record'
  entry[#entry + 1] = record
end
local fields, overage = {}, false
for i = 16, first_shift - 1 do
  fields[#fields + 1] = ARGV[i]
  entry[#entry + 1] = ARGV[i]
  overage = overage or i % 2 == 0 and ARGV[i] == 'overage'
end
if overage then
  redis.call('ZCARD', overages)
  redis.call('SISMEMBER', closed, price)
end
redis.call('XADD', entries, integer(seq) .. '-0', unpack(entry))
redis.call('HSET', store, 'seq', integer(seq))
if becomes == '' then
  redis.call('HSET', hold, 'contradicted', '1')
  return reply(outcome)
end

if state == 'none' then
  redis.call('HSET', hold, 'attempt', attempt, 'digest', digest, 'charges', charges, 'record', record)
end
if becomes == 'captured' then
  fields[#fields + 1] = 'captured_at'
  fields[#fields + 1] = now
end
redis.call('HSET', hold, 'state', becomes, unpack(fields))
if kept ~= '' then redis.call('HSET', hold, 'reply', kept) end
if job ~= '' then redis.call('SET', job_key, id) end
if index[state] then redis.call('ZREM', index[state], id) end
if state == 'voided' then redis.call('PERSIST', hold) end
if becomes == 'voided' and state == 'none' then redis.call('PEXPIRE', hold, 86400000)
else redis.call('ZADD', index[becomes], now, id) end
for i = first_account, #KEYS do
  if shifts[i] then shift_account(store, KEYS[i], shifts[i], balances[KEYS[i]]) end
end
if asked ~= '' then remember_key(memory, id, asked, becomes, stored[5] or now)
else remember_body(memory, id, state, becomes, now) end
local has_closed = becomes == 'captured' and overage and count_overage(overages, closed, price, id, now)
return reply(outcome, has_closed)
