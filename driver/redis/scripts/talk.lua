-- Describes a stream as a user sees it.
-- KEYS: 1 to 3 as in stream.lua
-- ARGV: 1 and 2 as in stream.lua; 3 the user; 4 the other one of the pair, or ''; 5 the offset from which to go on counting, or 0; 6 how many
--   messages to look at
-- Returns nothing if nothing is kept of it; otherwise epoch, the newest entry, the offsets up to which both have read, how many of the messages
-- that were looked at are unread, and the offset to go on from, or 0.
local CHUNK = 100
if not load() then return false end
expire()
use()
if first > head then return false end
local last = call('XREVRANGE', KEYS[2], '+', first, 'COUNT', 1)[1]
if not last then return false end

local user, most = ARGV[3], tonumber(ARGV[6])
local read = readBy(user)
local from, unread, looked = math.max(read + 1, first, tonumber(ARGV[5])), 0, 0
while from <= head and looked < most do
  local some = call('XRANGE', KEYS[2], from, '+', 'COUNT', CHUNK)
  if #some == 0 then
    from = head + 1
    break
  end
  for _, entry in ipairs(some) do
    local last = offsetOf(entry)
    local n = last - math.max(firstOf(entry), from) + 1
    if string.match(entry[2][2], '^%-?%d+ (%S*)') ~= user then unread = unread + n end
    looked, from = looked + n, last + 1
  end
end
return {birth .. server, last, read, readBy(ARGV[4]), unread, from <= head and from or 0}
