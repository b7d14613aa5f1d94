-- What the scripts about a stream begin with. KEYS[1] is what is known of the stream, KEYS[2] its messages, KEYS[3] what users have read;
-- ARGV[1] is now in ms, ARGV[2] ten characters for the case that the stream begins. append.lua goes on with further streams.
--
-- A message is an entry OFFSET-BYTES with the fields p, "MS SENDER KEY", and m, its body. BYTES are the data of all messages before it.
-- Messages of one sender that follow each other, of one millisecond and without keys, may be one entry, a bundle: OFFSET is that of the last of
-- them, BYTES are those before the first, m are their bodies as they are published, and a third field n says how many messages there are, the
-- bytes of their data, and those of each. So the entry from an offset on that comes first is the one which has that offset.
-- Offsets have no gaps until something is erased, so what is kept is known by the first and the last offset. Entries before the first may
-- still be there: they are removed together, which is cheaper than each by itself. A bundle is there until nothing of it is kept.
local call = redis.call
local text = string.format -- numbers that '..' or Redis make strings of take several times as long
local now = tonumber(ARGV[1])
local state, messages, reads, newborn = KEYS[1], KEYS[2], KEYS[3], ARGV[2]
local replid -- of the server; nil until somebody has asked, which costs as much as three other commands

-- What is known of a stream, as it is packed below. Go reads it, too: see streamState.
local birth, server -- which make the epoch: when the stream began, and the server that wrote it last
local head          -- offset of the newest message; 0 if there was none
local first         -- of the oldest that is kept; head + 1 if none is
local total         -- bytes of the data of all messages up to head
local base          -- at most those before first; so total - base is at least what is kept
local oldest        -- at most the time of the message at first
local age           -- after which messages are not kept; 0 means for ever
local used, newest  -- when it was last read or appended to, and appended to
local lives         -- until when Redis keeps the messages; 0 means that it is not known
local erased        -- how often something was erased
local joint         -- head when the server was last another one
local changed = false
local layout = '<c10c8ddddddddddd'

-- FORGET is how long what has no messages is remembered without use, and NOTE how exactly the last use is known.
local FORGET, NOTE = 3600000, 300000

-- begin begins the stream anew.
local function begin()
  birth, head, first, total, base, oldest, age, newest, lives, erased, joint = newborn, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0
  used, changed = now, true
end

-- offsetOf is the offset of the last message of an entry, and firstOf that of its first.
local function offsetOf(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

local function firstOf(entry)
  local sizes = entry[2][6]
  local count = sizes and tonumber(string.match(sizes, '^%d+')) or 1
  return offsetOf(entry) - math.max(count, 1) + 1
end

local function timeOf(entry)
  return tonumber(string.match(entry[2][2], '^%-?%d+')) or 0
end

local function bytesBefore(entry)
  return tonumber(string.match(entry[1], '%d+$'))
end

-- seek sets first to the first message before limit that is in an entry that is good, given that all after a good one are, and returns that
-- entry, if there is one. It looks at the oldest messages first, since usually few are to be dropped.
local function seek(good, limit)
  local low, high, step, found = first, math.min(head + 1, limit), 1, nil
  local probe = low
  while low < high do
    local entry = call('XRANGE', messages, probe, '+', 'COUNT', 1)[1]
    if entry and not good(entry) then
      low = offsetOf(entry) + 1
      step = step * 2
      probe = math.min(low + step - 2, high - 1)
      if found then probe = math.floor((low + high) / 2) end
    else
      high, found = probe, entry or found
      probe = math.floor((low + high) / 2)
    end
  end
  first, changed = math.min(low, limit), true
  if not found then
    found = call('XRANGE', messages, first, '+', 'COUNT', 1)[1]
  end
  if found then
    base, oldest = bytesBefore(found), timeOf(found)
    return found
  end
  first, base = head + 1, total
end

-- expire drops what is past its age, up to limit messages.
local function expire(limit)
  if age > 0 and first <= head and now - oldest > age then
    seek(function(entry) return now - timeOf(entry) <= age end, first + (limit or head))
  end
end

-- load reads what is known. A stream without messages that nobody has used for long begins anew, and so does one that there is not. When
-- the server is not the one that wrote the stream last, some of the newest messages may be lost, whose offsets are given again: then the
-- epoch is another one, and what there is stays. load is false if there was nothing.
local function load()
  local raw = call('GET', state)
  replid = replid or string.match(call('INFO', 'replication'), 'master_replid:(%w%w%w%w%w%w%w%w)')
  changed = false
  if not raw then
    server = replid
    begin()
    call('UNLINK', messages, reads)
    return false
  end
  birth, server, head, first, total, base, oldest, age, used, newest, lives, erased, joint = struct.unpack(layout, raw)
  if server ~= replid then
    server, joint, changed = replid, head, true
  end
  if now - used > FORGET + NOTE then
    expire()
    if first > head then
      call('UNLINK', messages, reads)
      begin()
    end
  end
  return true
end

-- ttl is how long Redis must remember the stream, in ms, if nothing happens: longer than is said to anybody. 0 means for ever.
local function ttl()
  if first > head then return FORGET * 2 end
  if age == 0 then return 0 end
  return age + FORGET * 2
end

local function save()
  local packed = struct.pack(layout, birth, server, head, first, total, base, oldest, age, used, newest, lives, erased, joint)
  local life = ttl()
  if life > 0 then
    call('SET', state, packed, 'PX', text('%d', life))
  else
    call('SET', state, packed)
  end
end

-- use saves what has changed, and that the stream was used.
local function use()
  if changed or now - used > NOTE then
    used = math.max(used, now)
    save()
  end
end

-- readBy returns the offset up to which a user has read. What was read of messages that were lost since is not of those that came then.
local function readBy(user)
  local value = user ~= '' and call('HGET', reads, user)
  if not value then return 0 end
  local offset, of = string.match(value, '^(%d+) (%S+)$')
  offset = tonumber(offset) or 0
  if of ~= server then offset = math.min(offset, joint) end
  return offset
end
