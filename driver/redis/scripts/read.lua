-- Reads a page of a stream.
-- KEYS: 1 to 3 as in stream.lua
-- ARGV: 1 and 2 as in stream.lua; 3 1 to read forward, 0 to read back; 4 and 5 epoch and offset of the position, '' and 0 for none; 6 how many
--   messages are wanted; 7 1 if a stream that there is not shall begin, so that its epoch holds, else 0
-- Returns epoch; head; 1 if the page is complete, else 0; 1 if there are more messages, else 0; and entries in the order of reading.
local PAGE, CHUNK = 8388608, 32 -- a page ends after so many bytes of data, and is read by so many messages if it may have more
local keep = load() or ARGV[7] == '1'
expire()
local forward, epoch, offset, limit = ARGV[3] == '1', ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local current = birth .. server
local none = epoch == '' and offset == 0
local from, to, complete
if not none and (epoch ~= current or forward and offset > head) then
  if keep then use() end
  return {current, head, 0, 0, {}}
elseif forward then
  if none then offset = first - 1 end
  from, to, complete = math.max(offset + 1, first), head, offset >= first - 1
else
  local last = head
  if not none then last = math.min(math.max(offset, 1) - 1, head) end
  from, to, complete = first, last, none or last == 0 or last >= first
end

local entries, more, bytes = {}, 0, 0
while from <= to and more == 0 do
  local count = limit + 1 - #entries
  if total - base > PAGE then count = math.min(count, CHUNK) end
  local some
  if forward then
    some = call('XRANGE', KEYS[2], from, to, 'COUNT', count)
  else
    some = call('XREVRANGE', KEYS[2], to, from, 'COUNT', count)
  end
  if #some == 0 then break end
  for _, entry in ipairs(some) do
    bytes = bytes + #entry[2][4]
    if #entries == limit or bytes > PAGE and #entries > 0 then
      more = 1
      break
    end
    entries[#entries + 1] = entry
  end
  local last = offsetOf(some[#some])
  if forward then from = last + 1 else to = last - 1 end
end
if keep then use() end
return {current, head, complete and 1 or 0, more, entries}
