-- Remembers up to where a user has read a stream. Of rooms some users are forgotten then who have read only what is not kept any more.
-- KEYS: 1 to 3 as in stream.lua
-- ARGV: 1 and 2 as in stream.lua; 3 the user; 4 and 5 epoch and offset
-- Returns nothing if there is no such position; otherwise 1 if it is further than what was known, else 0; the epoch; and how often something
-- kept, in ms; and how often something was erased.
local TIDY = 4
if not load() then return false end
local user, epoch, offset = ARGV[3], ARGV[4], tonumber(ARGV[5])
if epoch ~= birth .. server or offset > head then return false end
local read = readBy(user)
use()
if offset <= read then return {0, birth .. server, erased} end
call('HSET', KEYS[3], user, offset .. ' ' .. server)
local some = call('HRANDFIELD', KEYS[3], TIDY, 'WITHVALUES')
for i = 1, #some, 2 do
  if tonumber(string.match(some[i + 1], '^%d+')) < first and some[i] ~= user then call('HDEL', KEYS[3], some[i]) end
end
local life = ttl()
if life > 0 then
  call('PEXPIRE', KEYS[3], life)
else
  call('PERSIST', KEYS[3])
end
return {1, birth .. server, erased}
