#!lua
-- Admission of holds that ask the same of the same accounts: in turn, each is charged every demand or none. Names,
-- calendars and policy were decided before; here whole numbers are compared. Of each hold everything is read and
-- checked before its first write, because a script that fails keeps its writes; what all of them share is read before
-- any, and written after the last.
--
-- KEYS  store, policy pointer, key record, held index, entries, closed prices, then accounts, then rates, then (hold,
--       memory) of each hold
-- ARGV  policy version, key revision, charges, price, moves of one hold, numbers, epoch, sequence seen, and then of each
--       hold: now, hold id, attempt, body digest, record, due, asked body or '' without an idempotency key
-- The numbers are JSON: max skew, number of accounts, number of rates, then (amount, what one hold asks of the account in
-- all, ceiling, enforced, window's end) of each account, and (interval, burst) of each rate. Arguments are dear, and so
-- is the reading of numbers out of them; these are read at once.
-- Times are microseconds since 1970. The reply is {posted, held of each account}, and then what each hold came to.
local store, policy, key, index, entries, closed = unpack(KEYS, 1, 6)
local version, revision, charges, price, moves, numbers, epoch, seen = unpack(ARGV, 1, 8)
local terms = cjson.decode(numbers)
local max_skew, accounts, rates = terms[1], terms[2], terms[3]
local first_account, first_rate = 7, 7 + accounts
local last_account, last_rate = 6 + accounts, 6 + accounts + rates
local holds = (#KEYS - last_rate) / 2

local function account_term(i, n) return terms[3 + 5 * (i - first_account) + n] end
local function rate_term(i, n) return terms[3 + 5 * accounts + 2 * (i - first_rate) + n] end

local state = redis.call('HMGET', store, 'epoch', 'seq', 'frozen', 'room_to')
local seq = tonumber(state[2] or 0)
if not state[1] then return all(holds, 'closed', 'uninitialised') end
if state[3] then return all(holds, 'closed', 'frozen') end
if state[1] ~= epoch then return all(holds, 'closed', 'epoch') end
if seq < tonumber(seen) then
  freeze(store, epoch, seq, seen)
  return all(holds, 'closed', 'frozen')
end
local time = redis.call('TIME')
local store_now = time[1] * 1000000 + time[2]
local room_to = tonumber(state[4] or math.huge)
local is_stale = redis.call('GET', policy) ~= version or redis.call('HGET', key, 'revision') ~= revision
local is_closed = redis.call('SISMEMBER', closed, price) == 1
redis.call('ZSCORE', index, '')

-- Two demands on one account (two limits may share it) must have room together. Balances are passed on as the store
-- has them: a shadow limit's may be beyond what a number here holds exactly.
local wanted, ceilings, balances, before, arrivals, created, admitted_at = {}, {}, {}, {}, {}, 0, 0
for i = first_account, last_account do
  local balance = redis.call('HMGET', KEYS[i], 'posted', 'held')
  if not (balance[1] or balance[2]) and is_swept(store, account_term(i, 5)) then
    return all(holds, 'closed', 'past this window')
  end
  balances[KEYS[i]] = {balance[1] or '0', balance[2] or '0', balance[1] or balance[2]}
  before[i] = balances[KEYS[i]][1] + balances[KEYS[i]][2]
  if account_term(i, 4) == 1 then wanted[i], ceilings[i] = account_term(i, 2), account_term(i, 3) end
end
for i = first_rate, last_rate do arrivals[i] = tonumber(redis.call('GET', KEYS[i]) or 0) end

local function has_room()
  for i, ceiling in pairs(ceilings) do
    if ceiling == 0 or before[i] + (created + 1) * wanted[i] > ceiling then return false end
  end
  return true
end

local function admit(n)
  local hold, memory, own = KEYS[last_rate + 2 * n - 1], KEYS[last_rate + 2 * n], 2 + 7 * n
  local now, id, attempt, digest, record, due, asked = unpack(ARGV, own, own + 6)
  if seq >= room_to then return {'closed', 'too far ahead of the SQL ledger'} end
  local skew = now - store_now
  if math.abs(skew) > max_skew then return {'skewed', skew} end
  if is_stale then return {'stale'} end
  local existing = redis.call('HMGET', hold, 'state', 'attempt', 'digest')
  if existing[1] then
    -- No entry was written by this call, so none is named.
    if existing[1] == 'held' and existing[2] == attempt then return {'created', 0} end
    return {'exists', id, existing[3] == digest and '1' or '0'}
  end
  local earlier, same = recall(asked ~= '', memory, asked, now)
  if earlier then return {'exists', earlier, same} end
  if is_closed then return {'model_closed'} end
  local arrived = {}
  for i = first_rate, last_rate do
    local interval, burst = rate_term(i, 1), rate_term(i, 2)
    arrived[i] = math.max(arrivals[i], now) + interval
    local early = arrived[i] - interval * burst - now
    if early > 0 then return {'over_rate', i - first_rate, early, seq} end
  end
  if not has_room() then return {'over_limit', seq} end

  redis.call('XADD', entries, integer(seq + 1) .. '-0', 'epoch', epoch, 'kind', 'hold', 'hold', id, 'at', now,
    'moves', moves, 'record', record)
  seq, created, arrivals, admitted_at = seq + 1, created + 1, arrived, now
  redis.call('HSET', hold, 'state', 'held', 'attempt', attempt, 'digest', digest, 'charges', charges, 'record', record)
  redis.call('ZADD', index, due, id)
  if asked ~= '' then redis.call('SET', memory, id .. ' ' .. asked) end
  return {'created', seq}
end

local rows = each(holds, admit)
if created > 0 then
  redis.call('HSET', store, 'seq', integer(seq))
  for i = first_account, last_account do
    local balance = balances[KEYS[i]]
    balance[2] = added(KEYS[i], 'held', created * account_term(i, 1))
    if not balance[3] then redis.call('HSETNX', KEYS[i], 'ends', integer(account_term(i, 5))) end
  end
  -- A rate is forgotten once it is past for every clock that is admitted: one as fast as allowed may have written it,
  -- and one as slow as allowed may read it.
  for i = first_rate, last_rate do
    local lasts_us = arrivals[i] - admitted_at + 2 * max_skew
    redis.call('SET', KEYS[i], integer(arrivals[i]), 'PX', integer(math.ceil(lasts_us / 1000) + 1000))
  end
end
for i = first_account, last_account do
  rows[1][#rows[1] + 1] = balances[KEYS[i]][1]
  rows[1][#rows[1] + 1] = balances[KEYS[i]][2]
end
return rows
