-- Tells the time of the server that holds the leases.
-- KEYS: 1 any key of the slot
-- ARGV: none
-- Returns microseconds since 1970, as a string.
local t = redis.call('TIME')
return t[1] .. string.format('%06d', t[2])
