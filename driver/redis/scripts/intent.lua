-- Notes with a session that it is in a room, or is not any more. Returns 1, or 0 if there is no such session.
-- KEYS: the user's hash
-- ARGV: "enter" or "leave", the session, the room, a version
if redis.call('HEXISTS', KEYS[1], 's:' .. ARGV[2]) == 0 then
  return 0
end
local field = 'j:' .. ARGV[2]
local rooms = redis.call('HGET', KEYS[1], field) or ''
local from, to = string.find(' ' .. rooms .. ' ', ' ' .. ARGV[3] .. ' ', 1, true)
if ARGV[1] == 'enter' then
  if from then
    return 1
  end
  if rooms ~= '' then
    rooms = rooms .. ' '
  end
  redis.call('HSET', KEYS[1], field, rooms .. ARGV[3], 'v', ARGV[4])
  return 1
end
if not from then
  return 1
end
local rest = string.sub(' ' .. rooms .. ' ', 1, from) .. string.sub(' ' .. rooms .. ' ', to + 1)
rest = string.match(rest, '^%s*(.-)%s*$')
if rest == '' then
  redis.call('HDEL', KEYS[1], field)
  redis.call('HSET', KEYS[1], 'v', ARGV[4])
else
  redis.call('HSET', KEYS[1], field, rest, 'v', ARGV[4])
end
return 1
