#!lua
-- A virtual key is written if nobody changed it since its writer looked, and its digest leads to it from then on.
-- A digest never leads elsewhere: which digests still open a key is written in the key's own record.
-- Everything is read and checked before the first write, because a script that fails keeps its writes.
--
-- KEYS  key record, digest, set of all ids      ARGV  id, revision, record
local key, digest, all = unpack(KEYS)
local id, revision, record = unpack(ARGV)
local stored = tonumber(redis.call('HGET', key, 'revision') or 0)
if stored + 1 ~= tonumber(revision) then return {'moved', stored} end
local owner = redis.call('GET', digest)
if owner and owner ~= id then return {'taken'} end
redis.call('SISMEMBER', all, id)

redis.call('HSET', key, 'revision', revision, 'record', record)
redis.call('SET', digest, id)
redis.call('SADD', all, id)
return {'written'}
