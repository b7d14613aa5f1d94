-- Runs commands if a user's state is still the one that they were made for. Returns 1 if it has run them, 0 if not.
-- KEYS: the user's hash, and then what else the commands write to, all of the user's slot
-- ARGV: the version of the state, '' for none; then of each command its name, the number of its key, how many arguments follow, and these
if (redis.call('HGET', KEYS[1], 'v') or '') ~= ARGV[1] then
  return 0
end
local i = 2
while i <= #ARGV do
  local last = i + 2 + tonumber(ARGV[i + 2])
  redis.call(ARGV[i], KEYS[tonumber(ARGV[i + 1])], unpack(ARGV, i + 3, last))
  i = last + 1
end
return 1
