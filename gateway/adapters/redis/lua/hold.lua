#!lua
-- Admission: charge every demand or none. Names, calendars and policy were decided before; here whole numbers are
-- compared. Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  store, policy pointer, key record, hold, held index, entries, closed prices, memory, then accounts, then rates
-- ARGV  now, max skew, epoch, sequence seen, policy version, key revision, hold id, attempt, body digest, record,
--       charges, due, price, asked body ('' without an idempotency key), number of accounts, then (amount, ceiling,
--       enforced, window end) each, (interval, burst) each
-- Times are microseconds since 1970.
local store, policy, key, hold, index, entries, closed, memory = unpack(KEYS, 1, 8)
local now, max_skew, epoch, seen, version, revision, id, attempt, digest = unpack(ARGV, 1, 9)
local record, charges, due, price, asked, count = unpack(ARGV, 10, 15)
local first_account, first_rate = 9, 9 + count
local last_account, last_rate = 8 + count, #KEYS

local function integer(n) return string.format('%.0f', n) end
local function argument(account, n) return ARGV[15 + 4 * (account - first_account) + n] end
local function rate_argument(rate, n) return ARGV[15 + 4 * count + 2 * (rate - first_rate) + n] end

local state = redis.call('HMGET', store, 'epoch', 'seq', 'frozen', 'room_to')
local seq = tonumber(state[2] or 0)
if not state[1] then return {'closed', 'uninitialised'} end
if state[3] then return {'closed', 'frozen'} end
if state[4] and seq >= tonumber(state[4]) then return {'closed', 'too far ahead of the SQL ledger'} end
if state[1] ~= epoch then return {'closed', 'epoch'} end
if seq < tonumber(seen) then
  freeze(store, epoch, seq, seen)
  return {'closed', 'frozen'}
end

local time = redis.call('TIME')
local skew = tonumber(now) - (tonumber(time[1]) * 1000000 + tonumber(time[2]))
if math.abs(skew) > tonumber(max_skew) then return {'skewed', integer(skew)} end

if redis.call('GET', policy) ~= version then return {'stale'} end
if redis.call('HGET', key, 'revision') ~= revision then return {'stale'} end

-- Two demands on one account (two limits may share it) must have room together. Balances are passed on as the store
-- has them: a shadow limit's may be beyond what a number here holds exactly.
local wanted, refused, found = {}, false, {}
for i = first_account, last_account do wanted[KEYS[i]] = (wanted[KEYS[i]] or 0) + argument(i, 1) end
for i = first_account, last_account do
  local balance = redis.call('HMGET', KEYS[i], 'posted', 'held')
  found[i] = {balance[1] or '0', balance[2] or '0', balance[1] or balance[2]}
  if not found[i][3] and is_swept(store, argument(i, 4)) then return {'closed', 'past this window'} end
  local after, ceiling = found[i][1] + found[i][2] + wanted[KEYS[i]], tonumber(argument(i, 2))
  if argument(i, 3) == '1' and (ceiling == 0 or after > ceiling) then refused = true end
end

local function answer(verdict)
  local reply = {verdict, integer(seq)}
  for i = first_account, last_account do
    reply[#reply + 1] = found[i][1]
    reply[#reply + 1] = found[i][2]
  end
  return reply
end

local existing = redis.call('HMGET', hold, 'state', 'attempt', 'digest')
if existing[1] then
  if existing[1] == 'held' and existing[2] == attempt then
    -- No entry was written by this call, so none is named.
    seq = 0
    return answer('created')
  end
  return {'exists', id, existing[3] == digest and '1' or '0'}
end
local earlier, same = recall(asked ~= '', memory, asked, now)
if earlier then return {'exists', earlier, same} end
if redis.call('SISMEMBER', closed, price) == 1 then return {'model_closed'} end

local arrivals = {}
for i = first_rate, last_rate do
  local interval, burst = tonumber(rate_argument(i, 1)), tonumber(rate_argument(i, 2))
  local arrival = math.max(tonumber(redis.call('GET', KEYS[i]) or 0), tonumber(now)) + interval
  local early = arrival - interval * burst - tonumber(now)
  if early > 0 then return {'over_rate', integer(i - first_rate), integer(early)} end
  arrivals[i] = arrival
end

if refused then return answer('over_limit') end
redis.call('ZSCORE', index, id)

local moves = {}
for i = first_account, last_account do
  moves[#moves + 1] = string.sub(KEYS[i], 16) .. ' 0 ' .. argument(i, 1)
end

seq = seq + 1
redis.call('XADD', entries, integer(seq) .. '-0', 'epoch', epoch, 'kind', 'hold', 'hold', id, 'at', now,
  'moves', table.concat(moves, '\n'), 'record', record)
redis.call('HSET', store, 'seq', integer(seq))
redis.call('HSET', hold, 'state', 'held', 'attempt', attempt, 'digest', digest, 'charges', charges, 'record', record)
redis.call('ZADD', index, due, id)
if asked ~= '' then redis.call('SET', memory, id .. ' ' .. asked) end
for i = first_account, last_account do
  wanted[KEYS[i]] = added(KEYS[i], 'held', argument(i, 1))
  if not found[i][3] then redis.call('HSETNX', KEYS[i], 'ends', argument(i, 4)) end
end
for i = first_account, last_account do found[i][2] = wanted[KEYS[i]] end
-- A rate is forgotten once it is past for every clock that is admitted: one as fast as allowed may have written it,
-- and one as slow as allowed may read it.
for i = first_rate, last_rate do
  local lasts_us = arrivals[i] - tonumber(now) + 2 * tonumber(max_skew)
  redis.call('SET', KEYS[i], integer(arrivals[i]), 'PX', integer(math.ceil(lasts_us / 1000) + 1000))
end
return answer('created')
