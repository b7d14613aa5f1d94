-- Notes that a user takes part in a stream, and forgets those that have nothing any more.
-- KEYS: 1 the streams of the user, by when nothing of them will be kept if nobody appends
-- ARGV: 1 now, 2 when nothing of the stream will be kept, both in ms; 3 the stream
-- Returns nothing.
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last then redis.call('PEXPIRE', KEYS[1], math.ceil(last - ARGV[1]) + 3600000) end
return false
