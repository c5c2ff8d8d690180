#!lua flags=allow-oom
-- One step of a hold's life after admission: capture, void, doubt, finish, refund, adjust, lose, rebind, for holds of one
-- team with the same charges, each in turn. Which step each state takes, and how far each account shifts, was decided in
-- core/ledger.py and arrives as arguments; here it happens once, whole. Of each hold everything is read and checked
-- before its first write, because a script that fails keeps its writes; accounts, which all share, are read before any
-- and written after the last.
--
-- KEYS  store, entries, indices of held, in_doubt, captured, lost, ended, and of the team's jobs, closed prices,
--       overages, then accounts, then (hold, job, memory; of a rebind: the job before) of each hold
-- ARGV  row, charges, price, number of accounts, number of flows, then how far accounts shift (shared/shifts.lua), then
--       epoch, sequence seen, and for each hold: now, hold id, job id (or ''), cost, when it was admitted, record,
--       attempt, digest, asked body ('' without an idempotency key), reply to keep (or ''), number of facts, and (name,
--       text) of each fact
-- The row is `;state:outcome,becomes,flow,recorded` for every state: what the step is called, where the hold goes (or
-- nothing), which flow amounts take (0 for none), and whether it is written down although nothing moves.
-- Times are microseconds since 1970. The reply is {posted, held of each account}, and then what each hold came to:
-- outcome, earlier state, sequence, whether it closed the price, and {posted, held} that it added to each account.
local store, entries, held, in_doubt, captured, lost, ended, jobs, closed, overages = unpack(KEYS, 1, 10)
local row, charges, price, accounts, flows = unpack(ARGV, 1, 5)
local first_account, last_account = 11, 10 + accounts
local terms = 5 + accounts * (1 + 2 * flows)
local epoch, seen = ARGV[terms + 1], ARGV[terms + 2]
local index = {held = held, in_doubt = in_doubt, captured = captured, lost = lost, finished = ended, refunded = ended, voided = ended}

local holds, at = (#KEYS - last_account) / 3, terms + 2

local ledger = redis.call('HMGET', store, 'epoch', 'seq')
if not ledger[1] then return all(holds, 'closed', 'uninitialised') end
if ledger[1] ~= epoch then return all(holds, 'closed', 'epoch') end
local seq = tonumber(ledger[2] or 0)
-- Admission stops, and what was admitted still moves.
if seq < tonumber(seen) then epoch = freeze(store, epoch, seq, seen) end
local books = open_books(store, first_account, last_account)

local function move(n)
  local hold, job_key, memory = unpack(KEYS, last_account + 3 * n - 2, last_account + 3 * n)
  local now, id, job, cost, admitted, record, attempt, digest, asked, kept, facts = unpack(ARGV, at + 1, at + 11)
  local first_fact, last_fact = at + 12, at + 11 + 2 * facts
  at = last_fact
  local stored = redis.call('HMGET', hold, 'state', 'charges', 'cost', 'contradicted', 'captured_at', 'refunded', 'named',
    'job')
  local state = stored[1] or 'none'
  local outcome, becomes, flow, recorded = string.match(row, ';' .. state .. ':([%w_]+),([%w_]*),(%d),(%d)')
  if stored[2] and stored[2] ~= charges then
    return {'failed', 'the charges of hold ' .. id .. ' are not those it was admitted with'}
  end
  local done = {}
  local function reply(came_to, has_closed) return {came_to, state, integer(seq), has_closed and '1' or '0', done} end
  if becomes ~= '' and job ~= '' then
    local owner = redis.call('GET', job_key)
    if owner and owner ~= id then return reply('job_bound') end
  end
  if becomes == '' and (stored[4] or recorded == '0') then return reply(outcome) end
  -- What was named once stays as it is, and a job that a hold has is not given to it again.
  if becomes == state and (stored[7] or job ~= '' and stored[8] == job) then return reply('already') end
  if index[state] then redis.call('ZSCORE', index[state], id) end
  if index[becomes] then redis.call('ZSCORE', index[becomes], id) end
  if becomes == 'captured' then redis.call('ZSCORE', jobs, id) end
  local owner_before = becomes == state and state == 'captured' and redis.call('GET', memory)
  if asked ~= '' then redis.call('GET', memory)
  elseif state == 'in_doubt' or becomes == 'in_doubt' then redis.call('HVALS', memory) end
  local shifts = shifts_of(flow, flows, first_account, last_account, cost, (stored[3] or 0) - (stored[6] or 0))
  local moves = {}
  for i, shift in pairs(shifts) do
    moves[i - first_account + 1] = string.sub(KEYS[i], 16) .. ' ' .. integer(shift[1]) .. ' ' .. integer(shift[2])
  end
  local entry = {'epoch', epoch, 'kind', outcome, 'hold', id, 'at', now, 'moves', table.concat(moves, '\n')}
  if state == 'none' then
    entry[#entry + 1] = 'record'
    entry[#entry + 1] = record
  end
  local fields, overage = {}, false
  for i = first_fact, last_fact do
    fields[#fields + 1] = ARGV[i]
    entry[#entry + 1] = ARGV[i]
    overage = overage or (i - first_fact) % 2 == 0 and ARGV[i] == 'overage'
  end
  if overage then
    redis.call('ZCARD', overages)
    redis.call('SISMEMBER', closed, price)
  end

  redis.call('XADD', entries, integer(seq + 1) .. '-0', unpack(entry))
  seq = seq + 1
  done = books.shift(shifts)
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
    redis.call('ZADD', jobs, admitted, id)
  end
  redis.call('HSET', hold, 'state', becomes, unpack(fields))
  if becomes == state and state == 'refunded' then redis.call('HSETNX', hold, 'named', cost) end
  if becomes == state and owner_before == id then redis.call('DEL', memory) end
  if kept ~= '' then redis.call('HSET', hold, 'reply', kept) end
  if job ~= '' then redis.call('SET', job_key, id) end
  if index[state] then redis.call('ZREM', index[state], id) end
  if state == 'voided' then redis.call('PERSIST', hold) end
  if becomes == 'voided' and state == 'none' then redis.call('PEXPIRE', hold, 86400000)
  else redis.call('ZADD', index[becomes], now, id) end
  if asked ~= '' then remember_key(memory, id, asked, becomes, stored[5] or now)
  else remember_body(memory, id, state, becomes, now) end
  return reply(outcome, becomes == 'captured' and overage and count_overage(overages, closed, price, id, now))
end

local rows = each(holds, move)
if seq > tonumber(ledger[2] or 0) then redis.call('HSET', store, 'seq', integer(seq)) end
rows[1] = books.close()
return rows
