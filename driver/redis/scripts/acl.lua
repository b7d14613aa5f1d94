-- Tries commands with a key that is not there, and changes nothing.
-- KEYS: 1 a key that is not there
-- ARGV: none
-- Returns the names of those that the user may not use, with this key or channel.
local k = KEYS[1]
local lacks = {}
for _, c in ipairs({
  {'INFO', 'replication'}, {'TIME'}, {'GET', k}, {'SET', k, '', 'XX'}, {'DEL', k}, {'EXISTS', k}, {'EXPIRE', k, '1'}, {'PEXPIRE', k, '1'},
  {'HGET', k, ''}, {'HGETALL', k}, {'HDEL', k, ''}, {'ZRANGE', k, '0', '0'}, {'ZREM', k, ''}, {'SREM', k, ''}, {'SMEMBERS', k}, {'LRANGE', k, '0', '0'},
  {'XLEN', k}, {'XRANGE', k, '-', '+'}, {'XTRIM', k, 'MAXLEN', '0'}, {'XDEL', k, '0-1'}, {'SPUBLISH', k, ''},
}) do
  local r = redis.pcall(unpack(c))
  if type(r) == 'table' and r.err and string.find(r.err, "can't") then lacks[#lacks + 1] = c[1] end
end
return lacks
