-- Drops messages of a stream that are past their age.
-- KEYS: 1 to 3 as in stream.lua
-- ARGV: 1 and 2 as in stream.lua; 3 how many are dropped at most
-- Returns how many were; and when there may be more, in ms, or 0 if there is no message that could be.
if not load() then return {0, 0} end
local before = first
expire(tonumber(ARGV[3]))
if first > before then
  call('XTRIM', KEYS[2], 'MINID', first)
end
if changed then save() end
if first > head or age == 0 then return {first - before, 0} end
return {first - before, oldest + age + 1}
