-- Forgets a lost lease that has no sessions any more.
-- KEYS: the leases, the nodes' statuses
-- ARGV: the lease, its node
redis.call('HDEL', KEYS[1], 'l:' .. ARGV[1])
redis.call('HINCRBY', KEYS[1], 'gone', 1)
if redis.call('HEXISTS', KEYS[1], 'n:' .. ARGV[2]) == 0 then
  redis.call('HDEL', KEYS[2], ARGV[2])
end
return 1
