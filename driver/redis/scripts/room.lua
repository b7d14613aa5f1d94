-- Adds a session to a room, or takes it out. Returns whether the user is new there, or gone from there, and how many users there are; -1 if
-- the session cannot enter since it has ended.
-- KEYS: who is in the room, the rooms that somebody is in, how many users are in each, a mark that the session has ended before it had
-- entered, a mark that it is suspected of being there no more, which who enters removes
-- ARGV: "enter", "leave", "ended", "ended again", "suspect" or "stale", the room, the user, the session, and for the last two who suspects
local who, rooms, counts, gone, suspect = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local mode, room, user = ARGV[1], ARGV[2], ARGV[3]
local seat = user .. ' ' .. ARGV[4]

-- here tells whether the user has a session in the room: what begins with the name and a space, before which no character of a name comes.
local function here()
  return redis.call('ZRANGE', who, '[' .. user .. ' ', '(' .. user .. '!', 'BYLEX', 'LIMIT', 0, 1)[1] ~= nil
end

local function count()
  return tonumber(redis.call('HGET', counts, room) or 0)
end

if mode == 'enter' then
  if redis.call('EXISTS', gone) == 1 then
    return { 0, -1 }
  end
  redis.call('DEL', suspect)
  local was = here()
  redis.call('ZADD', who, 0, seat)
  if was then
    return { 0, count() }
  end
  local n = redis.call('HINCRBY', counts, room, 1)
  if n == 1 then
    redis.call('ZADD', rooms, 0, room)
  end
  return { 1, n }
end
if mode == 'suspect' then
  if redis.call('ZSCORE', who, seat) then
    redis.call('SET', suspect, ARGV[5], 'PX', 60000)
  end
  return { 0, count() }
end
if mode == 'stale' then
  if redis.call('GET', suspect) ~= ARGV[5] then
    return { 0, count() }
  end
  redis.call('DEL', suspect)
end
if redis.call('ZREM', who, seat) == 0 then
  if mode == 'ended' or mode == 'ended again' then
    redis.call('SET', gone, '', 'PX', 600000) -- longer than anything is under way
  end
  return { mode == 'ended again' and not here() and 1 or 0, count() }
end
if here() then
  return { 0, count() }
end
local n = redis.call('HINCRBY', counts, room, -1)
if n <= 0 then
  redis.call('HDEL', counts, room)
  redis.call('ZREM', rooms, room)
end
return { 1, n }
