-- Renews a node's lease, or gives it a new one. Returns the lease, until when it is, the server's time, the epoch, "late" if the lease had
-- run out, and then each session of the node that was ended with the reason.
-- KEYS: the leases, the nodes' statuses, the node's ended sessions
-- ARGV: the node, a lease for it if it has none, the length of a lease in ms, the time in ms or '' for the server's, the status, an epoch
-- in case that there is none
local clock = redis.call('TIME')
local server = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local now = tonumber(ARGV[4]) or tonumber(server)
local ends = string.format('%.0f', now + tonumber(ARGV[3]))
local field = 'n:' .. ARGV[1]
local known = redis.call('HMGET', KEYS[1], 'epoch', field)
local epoch, lease, late = known[1], ARGV[2], ''
if known[2] then
  local before
  lease, before = string.match(known[2], '^(%S+) (%d+)$')
  if tonumber(before) <= now then
    late = 'late'
  end
end
if epoch then
  redis.call('HSET', KEYS[1], field, lease .. ' ' .. ends)
else
  epoch = ARGV[6]
  redis.call('HSET', KEYS[1], field, lease .. ' ' .. ends, 'epoch', epoch)
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[5])
local answer = redis.call('HGETALL', KEYS[3])
if #answer > 0 then
  redis.call('DEL', KEYS[3])
end
table.insert(answer, 1, late)
table.insert(answer, 1, epoch)
table.insert(answer, 1, server)
table.insert(answer, 1, ends)
table.insert(answer, 1, lease)
return answer
