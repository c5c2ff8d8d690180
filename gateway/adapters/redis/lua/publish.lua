#!lua
-- A policy version becomes live and part of the history, unless another one became live since the author looked.
-- KEYS  pointer, version, history      ARGV  version, content, the version it replaces ('' for none), line of history
local pointer, key, history = unpack(KEYS)
local version, content, replaces, line = unpack(ARGV)
local live = redis.call('GET', pointer) or ''
if live ~= replaces then return {'moved', live} end
redis.call('SETNX', key, content)
redis.call('XADD', history, '*', 'line', line)
redis.call('SET', pointer, version)
return {'published', version}
