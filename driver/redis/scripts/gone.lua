-- Notes that there is nothing of a stream that a user takes part in, unless the note of it has changed since it was read.
-- KEYS: 1 the streams of the user, as in takes.lua
-- ARGV: 1 when it is to be forgotten, in ms; from 2 on pairs of a stream and what the note of it was
-- Returns nothing.
for i = 2, #ARGV, 2 do
  local until_ = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if until_ and tonumber(until_) == tonumber(ARGV[i + 1]) then redis.call('ZADD', KEYS[1], 'XX', 'LT', ARGV[1], ARGV[i]) end
end
return false
