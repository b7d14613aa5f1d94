-- Forgets a transition that was told. Returns 1 to the first who does.
-- KEYS: the transitions of the user that nobody has confirmed, what is due in the bucket
-- ARGV: the id of the transition, its name in what is due
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
