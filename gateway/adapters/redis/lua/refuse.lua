#!lua
-- Refused submissions are kept for the exporter; the oldest make room for new ones, about so many stay. They are no
-- entries, and a store without an epoch keeps none.
--
-- KEYS  store, refused submissions      ARGV  how many stay, then a record each
local store, refused = unpack(KEYS)
if redis.call('HEXISTS', store, 'epoch') == 0 then return {'uninitialised'} end
for i = 2, #ARGV do redis.call('XADD', refused, 'MAXLEN', '~', ARGV[1], '*', 'record', ARGV[i]) end
return {'kept'}
