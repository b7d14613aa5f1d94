-- Takes a part of the bytes that a user may send within a day.
-- KEYS: 1 what the user has taken
-- ARGV: 1 now, in ms; 2 how many bytes are needed, 3 wanted, 4 allowed within a day
-- Returns how many the user got, 0 if they are less than needed; how many were taken within the day; and when the day ends, in ms.
local DAY = 86400000
local now, need, want, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'since', 'taken')
local since, taken = tonumber(kept[1]) or now, tonumber(kept[2]) or 0
if now - since >= DAY then since, taken = now, 0 end
local got = math.min(want, most - taken)
if got < need then return {0, taken, since + DAY} end
redis.call('HSET', KEYS[1], 'since', since, 'taken', taken + got)
redis.call('PEXPIRE', KEYS[1], DAY + 3600000)
return {got, taken + got, since + DAY}
