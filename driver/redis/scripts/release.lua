-- Takes the lease from a node that shuts down. Returns the lease, '' if it had none.
-- KEYS: the leases, the nodes' statuses, the node's ended sessions
-- ARGV: the node, the time in ms, until when others leave its sessions to the caller
local field = 'n:' .. ARGV[1]
local known = redis.call('HGET', KEYS[1], field)
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
if not known then
  return ''
end
local lease, ends = string.match(known, '^(%S+) (%d+)$')
if tonumber(ends) > tonumber(ARGV[2]) then
  ends = ARGV[2]
end
redis.call('HDEL', KEYS[1], field)
redis.call('HSET', KEYS[1], 'l:' .. lease, ends .. ' ' .. ARGV[3] .. ' ' .. ARGV[1])
return lease
