-- Moves streams of a user to those that the user is being erased from.
-- KEYS: 1 the streams of the user, as in takes.lua; 2 those that the user is being erased from
-- ARGV: 1 how many at most
-- Returns some of those that the user is being erased from.
local some = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1)
if #some > 0 then
  redis.call('SADD', KEYS[2], unpack(some))
  redis.call('ZREM', KEYS[1], unpack(some))
end
return redis.call('SRANDMEMBER', KEYS[2], ARGV[1])
