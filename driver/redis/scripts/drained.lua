-- Tidies the index of a lease's sessions in a bucket, after they were ended: what is still there has not been a session any more, or has
-- moved to another lease. The lease stays known to the bucket if a session was added meanwhile by a node that had stood still.
-- KEYS: the sessions of the lease, the leases of the bucket
-- ARGV: the lease, and then members that were dealt with
for i = 2, #ARGV do
  redis.call('SREM', KEYS[1], ARGV[i])
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HDEL', KEYS[2], ARGV[1])
end
return 1
