-- Up to which window's end accounts were swept is written in the store. None of such a window is ever made again: what
-- it would say then is not what was posted. A window's end of 0 never comes.
local function is_swept(store, ends)
  return tonumber(ends) > 0 and tonumber(ends) <= tonumber(redis.call('HGET', store, 'swept') or 0)
end
