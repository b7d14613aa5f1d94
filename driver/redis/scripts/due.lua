-- Takes over what is due in a bucket: nobody else gets it until the next time. Returns the names.
-- KEYS: what is due
-- ARGV: the time in ms, the next time in ms, how many at most
local names = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, name in ipairs(names) do
  redis.call('ZADD', KEYS[1], ARGV[2], name)
end
return names
