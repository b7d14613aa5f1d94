-- Forgets transitions of a bucket that were told. Returns how many of them were not forgotten before.
-- KEYS: what is due in the bucket, and then, of users, the transitions that nobody has confirmed
-- ARGV: what the names of transitions in what is due begin with; then of each transition the number of its key, and its id
local n = 0
for i = 2, #ARGV, 2 do
  if redis.call('HDEL', KEYS[tonumber(ARGV[i])], ARGV[i + 1]) == 1 then
    redis.call('ZREM', KEYS[1], ARGV[1] .. ARGV[i + 1])
    n = n + 1
  end
end
return n
