-- Claims leases that have run out, so that one reaper at a time ends their sessions. Returns those that it has claimed.
-- KEYS: the leases
-- ARGV: the time in ms, until when the claim holds, and then leases, each followed by its node
local claimed = {}
for i = 3, #ARGV, 2 do
  local lease, node = ARGV[i], ARGV[i + 1]
  local lost = redis.call('HGET', KEYS[1], 'l:' .. lease)
  local ends
  if lost then
    local before, claim = string.match(lost, '^(%d+) (%d+) ')
    if tonumber(claim) <= tonumber(ARGV[1]) then
      ends = before
    end
  else
    local known = redis.call('HGET', KEYS[1], 'n:' .. node)
    if known then
      local current, till = string.match(known, '^(%S+) (%d+)$')
      if current == lease and tonumber(till) <= tonumber(ARGV[1]) then
        redis.call('HDEL', KEYS[1], 'n:' .. node)
        ends = till
      end
    end
  end
  if ends then
    redis.call('HSET', KEYS[1], 'l:' .. lease, ends .. ' ' .. ARGV[2] .. ' ' .. node)
    claimed[#claimed + 1] = lease
  end
end
return claimed
