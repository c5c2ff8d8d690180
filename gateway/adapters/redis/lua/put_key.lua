#!lua
-- A key is written if nobody changed it since its writer looked, and its digest leads to it from then on.
-- A digest never leads elsewhere: which digests still open a key is written in the key's own record.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  key record, digest, then the lists that it may be in
-- ARGV  id, revision, record, then for each list where it stands in it ('': not at all), and as what
local key, digest = KEYS[1], KEYS[2]
local id, revision, record = unpack(ARGV, 1, 3)
local stored = tonumber(redis.call('HGET', key, 'revision') or 0)
if stored + 1 ~= tonumber(revision) then return {'moved', stored} end
local owner = redis.call('GET', digest)
if owner and owner ~= id then return {'taken'} end
for i = 3, #KEYS do redis.call('ZCARD', KEYS[i]) end

redis.call('HSET', key, 'revision', revision, 'record', record)
redis.call('SET', digest, id)
for i = 3, #KEYS do
  local place, member = ARGV[2 * i - 2], ARGV[2 * i - 1]
  if place == '' then redis.call('ZREM', KEYS[i], member) else redis.call('ZADD', KEYS[i], place, member) end
end
return {'written'}
