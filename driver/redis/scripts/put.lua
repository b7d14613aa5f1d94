-- Keeps a value, if there is none whose time has not come.
-- KEYS: 1 the key
-- ARGV: 1 now, in ms; 2 "UNTIL VALUE", with UNTIL in ms; 3 ms after which Redis may drop it
-- Returns the value that there is, or nil if this one is kept.
local entry = redis.call('GET', KEYS[1])
if entry then
  local space = string.find(entry, ' ', 1, true)
  if space and tonumber(string.sub(entry, 1, space - 1)) > tonumber(ARGV[1]) then
    return string.sub(entry, space + 1)
  end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false
