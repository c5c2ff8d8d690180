#!lua
-- A policy version becomes live, unless another one did since the author looked.
-- KEYS  pointer, version      ARGV  version, content, the version it replaces ('' for none)
local pointer, key = unpack(KEYS)
local version, content, replaces = unpack(ARGV)
local live = redis.call('GET', pointer) or ''
if live ~= replaces then return {'moved', live} end
redis.call('SETNX', key, content)
redis.call('SET', pointer, version)
return {'published', version}
