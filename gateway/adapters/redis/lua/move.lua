#!lua flags=allow-oom
-- One step of a hold's life after admission: capture, void, doubt, finish, refund. Which step each state takes, and
-- how far each account shifts, was decided in core/ledger.py and arrives as `steps`; here it happens once, whole.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  store, hold, job, entries, indices of held, in_doubt, captured, ended, then accounts
-- ARGV  now, sequence seen, hold id, job id (or ''), charges, steps (JSON: state -> {outcome, becomes, record, flow}),
--       flows (JSON: flow -> (posted, held, window end) of each account), facts (JSON: name -> text), record, attempt,
--       digest, epoch
-- Times are microseconds since 1970. Amounts travel as text: JSON numbers would lose digits.
local store, hold, job_key, entries = unpack(KEYS, 1, 4)
local now, seen, id, job, charges, steps, flows, facts, record, attempt, digest, epoch = unpack(ARGV)
local held, in_doubt, captured, ended = unpack(KEYS, 5, 8)
local index = {held = held, in_doubt = in_doubt, captured = captured, finished = ended, refunded = ended, voided = ended}
local first_account = 9

local function integer(n) return string.format('%.0f', n) end

local ledger = redis.call('HMGET', store, 'epoch', 'seq')
if not ledger[1] then return {'closed', 'uninitialised'} end
if ledger[1] ~= epoch then return {'closed', 'epoch'} end
local stored = redis.call('HMGET', hold, 'state', 'charges', 'cost', 'contradicted')
local state = stored[1] or 'none'
local step = cjson.decode(steps)[state]
local shifts = cjson.decode(flows)[step.flow] or {}

if stored[2] and stored[2] ~= charges then
  return redis.error_reply('ERR the charges of hold ' .. id .. ' are not those it was admitted with')
end
if tonumber(ledger[2] or 0) < tonumber(seen) then
  -- As freeze.lua does it: admission stops, and what was admitted still moves, in a new epoch.
  local lineage, n = string.match(epoch, '^(.*)%.(%d+)$')
  local time, lost = redis.call('TIME'), integer((ledger[2] or 0) + 1)
  ledger[1] = (lineage or epoch) .. '.' .. integer((n or 1) + 1)
  redis.call('HSET', store, 'epoch', ledger[1], 'frozen', 'history lost',
    'frozen_at', time[1] .. string.format('%06d', time[2]), 'lost_from', lost, 'lost_to', seen)
end

local function reply(outcome)
  local lines = {outcome, state, integer(tonumber(ledger[2] or 0))}
  for i = first_account, #KEYS do
    local balance = redis.call('HMGET', KEYS[i], 'posted', 'held')
    lines[#lines + 1] = balance[1] or '0'
    lines[#lines + 1] = balance[2] or '0'
  end
  return lines
end

if step.becomes ~= '' and job ~= '' then
  local owner = redis.call('GET', job_key)
  if owner and owner ~= id then return reply('job_bound') end
end
if step.becomes == '' and (stored[4] or not step.record) then return reply(step.outcome) end
for _, key in ipairs({held, in_doubt, captured, ended}) do redis.call('ZSCORE', key, id) end
for i = first_account, #KEYS do redis.call('HLEN', KEYS[i]) end

-- No more comes back than was posted.
local moves, posted = {}, tonumber(stored[3] or 0)
for i, move in ipairs(shifts) do
  if 0 - move[1] > posted then move[1] = integer(0 - posted) end
  moves[i] = string.sub(KEYS[first_account - 1 + i], 16) .. ' ' .. move[1] .. ' ' .. move[2]
end

local seq = integer(tonumber(ledger[2] or 0) + 1)
local entry = {'epoch', ledger[1], 'kind', step.outcome, 'hold', id, 'at', now, 'moves', table.concat(moves, '\n')}
if state == 'none' then
  entry[#entry + 1] = 'record'
  entry[#entry + 1] = record
end
local fields = {}
for name, value in pairs(cjson.decode(facts)) do
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
for _, field in ipairs(fields) do entry[#entry + 1] = field end
redis.call('XADD', entries, seq .. '-0', unpack(entry))
redis.call('HSET', store, 'seq', seq)
ledger[2] = seq
if step.becomes == '' then
  redis.call('HSET', hold, 'contradicted', '1')
  return reply(step.outcome)
end

if state == 'none' then
  redis.call('HSET', hold, 'attempt', attempt, 'digest', digest, 'charges', charges, 'record', record)
end
redis.call('HSET', hold, 'state', step.becomes, unpack(fields))
if job ~= '' then redis.call('SET', job_key, id) end
if index[state] then redis.call('ZREM', index[state], id) end
if state == 'voided' then redis.call('PERSIST', hold) end
if step.becomes == 'voided' and state == 'none' then redis.call('PEXPIRE', hold, 86400000)
else redis.call('ZADD', index[step.becomes], now, id) end

-- An account whose window was swept is not revived by what comes back to it late; the entry stands all the same.
local function takes_back(move) return string.find(move[1] .. move[2], '-', 1, true) end
for i, move in ipairs(shifts) do
  local account = KEYS[first_account - 1 + i]
  if redis.call('EXISTS', account) == 1 or not takes_back(move) then
    if move[1] ~= '0' then redis.call('HINCRBY', account, 'posted', move[1]) end
    if move[2] ~= '0' then redis.call('HINCRBY', account, 'held', move[2]) end
    if move[1] ~= '0' or move[2] ~= '0' then redis.call('HSETNX', account, 'ends', move[3]) end
  end
end
return reply(step.outcome)
