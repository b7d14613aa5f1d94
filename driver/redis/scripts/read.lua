-- Reads a page of a stream.
-- KEYS: 1 to 3 as in stream.lua
-- ARGV: 1 and 2 as in stream.lua; 3 1 to read forward, 0 to read back; 4 and 5 epoch and offset of the position, '' and 0 for none; 6 how many
--   messages are wanted; 7 1 if a stream that there is not shall begin, so that its epoch holds, else 0
-- Returns epoch; head; 1 if the page is complete, else 0; 1 if there are more messages, else 0; the offsets from which and up to which the page
-- has messages; and in the order of reading the entries that these are in.
local PAGE, CHUNK = 8388608, 32 -- a page ends after so many bytes of data, and is read by so many entries
local keep = load() or ARGV[7] == '1'
expire()
local forward, epoch, offset, limit = ARGV[3] == '1', ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local current = birth .. server
local none = epoch == '' and offset == 0
local from, to, complete
if not none and (epoch ~= current or forward and offset > head) then
  if keep then use() end
  return {current, head, 0, 0, 0, 0, {}}
elseif forward then
  if none then offset = first - 1 end
  from, to, complete = math.max(offset + 1, first), head, offset >= first - 1
else
  local last = head
  if not none then last = math.min(math.max(offset, 1) - 1, head) end
  from, to, complete = first, last, none or last == 0 or last >= first
end

local entries, wanted, more, bytes = {}, limit, 0, 0
local low, high = from, to

-- take takes the messages of an entry that are from from up to to, as far as they are wanted, and goes on after them.
local function take(entry)
  local begin, last = math.max(firstOf(entry), from), math.min(offsetOf(entry), to)
  bytes = bytes + #entry[2][4]
  if wanted == 0 or bytes > PAGE and #entries > 0 then
    more = 1
    return
  end
  entries[#entries + 1] = entry
  local n = math.min(last - begin + 1, wanted)
  wanted = wanted - n
  if forward then from = begin + n else to = last - n end
  if n <= last - begin then more = 1 end
end

if not forward and from <= to and to < head then -- the last of these messages may be of a bundle that goes on after it
  local entry = call('XRANGE', KEYS[2], to + 1, '+', 'COUNT', 1)[1]
  if entry and firstOf(entry) <= to then take(entry) end
end
while from <= to and more == 0 do
  local count, some = math.min(wanted + 1, CHUNK), nil
  if forward then
    some = call('XRANGE', KEYS[2], from, to, 'COUNT', count)
  else
    some = call('XREVRANGE', KEYS[2], to, from, 'COUNT', count)
  end
  for _, entry in ipairs(some) do
    if more == 0 then take(entry) end
  end
  if #some < count then break end
end
if forward then high = from - 1 else low = to + 1 end
if keep then use() end
return {current, head, complete and 1 or 0, more, low, high, entries}
