-- Erases messages of one user in a stream, and at the end what the user has read.
-- KEYS: 1 to 3 as in stream.lua; from 4 on idempotency keys to forget
-- ARGV: 1 and 2 as in stream.lua; 3 the user; 4 the entry after which nobody has looked, or '' if this is not the end; from 5 on the ids of
--   entries
-- Returns 1 if this was the end, or 0 if messages have come after that entry meanwhile.
load()
if #ARGV > 4 then call('XDEL', KEYS[2], unpack(ARGV, 5)) end
if #KEYS > 3 then call('DEL', unpack(KEYS, 4)) end
if ARGV[4] == '' then return 0 end
if call('XRANGE', KEYS[2], '(' .. ARGV[4], '+', 'COUNT', 1)[1] then return 0 end
call('HDEL', KEYS[3], ARGV[3])
erased = erased + 1
save()
return 1
