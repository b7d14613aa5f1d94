-- Erases a pair as a whole. It begins anew.
-- KEYS: 1 to 3 as in stream.lua
-- ARGV: 1 and 2 as in stream.lua
-- Returns nothing.
load()
call('UNLINK', KEYS[2], KEYS[3])
local before = erased
begin()
erased = before + 1 -- so that who has noted that the users take part sees that this note is gone
save()
return false
