-- Adds a session to a room, or takes it out. Returns whether the user is new there, or gone from there, and how many users there are; -1 if
-- the session cannot enter since it has ended.
-- KEYS: the room's users, the rooms that somebody is in, a mark that the session has ended before it had entered, a mark that it is suspected
-- of being there no more, which who enters removes
-- ARGV: "enter", "leave", "ended", "ended again", "suspect" or "stale", the room, the user, the session, and for the last two who suspects
local mode, id = ARGV[1], ARGV[4]
local ids = redis.call('HGET', KEYS[1], ARGV[3])
local from, to
if ids then
  from, to = string.find(' ' .. ids .. ' ', ' ' .. id .. ' ', 1, true)
end
if mode == 'enter' then
  if redis.call('EXISTS', KEYS[3]) == 1 then
    return { 0, -1 }
  end
  redis.call('DEL', KEYS[4])
  if not ids then
    redis.call('HSET', KEYS[1], ARGV[3], id)
    local count = redis.call('HLEN', KEYS[1])
    if count == 1 then
      redis.call('ZADD', KEYS[2], 0, ARGV[2])
    end
    return { 1, count }
  end
  if not from then
    redis.call('HSET', KEYS[1], ARGV[3], ids .. ' ' .. id)
  end
  return { 0, redis.call('HLEN', KEYS[1]) }
end
if not from then
  if mode == 'ended' or mode == 'ended again' then
    redis.call('SET', KEYS[3], '', 'PX', 600000) -- longer than anything is under way
  end
  if mode == 'ended again' and not ids then
    return { 1, redis.call('HLEN', KEYS[1]) }
  end
  return { 0, redis.call('HLEN', KEYS[1]) }
end
if mode == 'suspect' then
  redis.call('SET', KEYS[4], ARGV[5], 'PX', 60000)
  return { 0, redis.call('HLEN', KEYS[1]) }
end
if mode == 'stale' then
  if redis.call('GET', KEYS[4]) ~= ARGV[5] then
    return { 0, redis.call('HLEN', KEYS[1]) }
  end
  redis.call('DEL', KEYS[4])
end
local rest = string.sub(' ' .. ids .. ' ', 1, from) .. string.sub(' ' .. ids .. ' ', to + 1)
rest = string.match(rest, '^%s*(.-)%s*$')
if rest ~= '' then
  redis.call('HSET', KEYS[1], ARGV[3], rest)
  return { 0, redis.call('HLEN', KEYS[1]) }
end
redis.call('HDEL', KEYS[1], ARGV[3])
local count = redis.call('HLEN', KEYS[1])
if count == 0 then
  redis.call('ZREM', KEYS[2], ARGV[2])
end
return { 1, count }
