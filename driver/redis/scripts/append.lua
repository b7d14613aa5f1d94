-- Appends messages to streams, one after the other, and publishes them. Those of one stream that follow each other, and are alike, are a group.
-- KEYS: for each group 3 as in stream.lua, and then the idempotency keys of its messages that have one
-- ARGV: 1 as in stream.lua; then for each group six, and four for each entry that is made of its messages. The six are 1 as ARGV[2] in
--   stream.lua; 2 how many messages are kept, negative for none; 3 how many bytes of data, and 4 for how many ms, 0 for any number; 5 the
--   channel, or ''; 6 how many entries there are. The four are p and m of the entry; how many bytes the data of its message have, or n of a
--   bundle; and what is kept of its key, or ''.
-- Returns for each group an error, of which the other groups know nothing, or: the epoch; how often something was erased; 1 if there was no
-- message before, else 0; and for each entry the offset of its first message, 0 if it has none, or, if the key is known, {what is kept of the
-- key, the body if the message is still there}.
-- What is kept of a key is "BIRTH MS OFFSET " and what came as an argument.
local KEYLIFE, FORGETKEY, SWEEP = 300000, '360000', 64
local match = string.match
local keep, most, life, channel -- of the group
local before -- what head was before its messages

-- prepare is done before the first message that is new: the age that held until now takes effect before another one holds.
local function prepare()
  if life ~= age then
    expire()
    age = life
  end
  if first > head then
    base, oldest = total, nil
  elseif keep < 0 then
    call('UNLINK', messages)
    first, base, lives = head + 1, total, 0
  end
end

-- known returns what is to be told of a message whose key was used before.
local function known(key)
  local kept = call('GET', key)
  if not kept then return nil end
  local of, at, offset = match(kept, '^(%S+) (%d+) (%d+) ')
  if of ~= birth or now - at > KEYLIFE then return nil end
  offset = tonumber(offset)
  local entry = offset >= first and call('XRANGE', messages, offset, offset)[1]
  return {kept, entry and entry[2][4] or false}
end

-- mend goes on after the entries of a call that has failed after it had added them, perhaps because an ACL was changed: what is known of the
-- stream was not saved then, and Redis adds nothing before them. They are of the stream from now on, as if only the answer had been lost. If there
-- are none, or they are something else, it fails with the error.
local function mend(failed)
  local entry = call('XREVRANGE', messages, '+', '-', 'COUNT', 1)[1]
  if not entry or offsetOf(entry) <= head or not match(entry[2][2], '^%-?%d+ ') then error(failed) end
  if first > head then oldest = 0 end
  head, total = offsetOf(entry), bytesBefore(entry) + #entry[2][4]
  before = head
end

-- put adds an entry of so many messages with these fields.
local function put(count, ...)
  local done = redis.pcall('XADD', messages, text('%d-%d', head + count, total), ...)
  if type(done) == 'table' then
    mend(done)
    call('XADD', messages, text('%d-%d', head + count, total), ...)
  end
  head = head + count
end

-- add adds an entry with the fields p and m: one message with so many bytes of data, or, if these are nil, a bundle with the field n. It returns
-- the offset of the first message.
local function add(p, m, bytes, n)
  local count = 1
  if bytes then
    put(1, 'p', p, 'm', m)
  else
    count, bytes = match(n, '^(%d+) (%d+) ')
    put(count, 'p', p, 'm', m, 'n', n)
  end
  total = total + bytes
  oldest = oldest or tonumber(match(p, '^%-?%d+'))
  return head - count + 1
end

-- within returns the offset of the first message of an entry before which there are at least so many bytes, and how many there are; nothing if it
-- has no such message.
local function within(entry, least)
  local offset, bytes = firstOf(entry), bytesBefore(entry)
  if bytes >= least then return offset, bytes end
  for size in string.gmatch(match(entry[2][6] or '', '^%d+ %d+(.*)$') or '', '%d+') do
    if bytes >= least then return offset, bytes end
    offset, bytes = offset + 1, bytes + size
  end
end

-- drop keeps what is left within its limits. first0 is first as it was.
local function drop(first0)
  if keep > 0 and head - first >= keep then first = head - keep + 1 end
  if most > 0 and total - base > most then
    local entry = seek(function(entry) return within(entry, total - most) end, head + 1)
    if entry then
      local offset, bytes = within(entry, total - most)
      first, base = math.max(first, offset), bytes
    end
  end
  -- Whoever reads drops by age exactly; here it is only done when it is worth it.
  if age > 0 and first <= head and now - oldest > age + age / 8 then expire() end

  if first > head then
    if lives ~= 0 or head > before then call('UNLINK', messages) end
    lives = 0
  elseif keep >= 0 then
    if math.floor(first / SWEEP) ~= math.floor(first0 / SWEEP) then call('XTRIM', messages, 'MINID', '~', first) end
    if age == 0 then
      if lives ~= -1 then call('PERSIST', messages) end
      lives = -1
    elseif lives < now + age then
      local more = math.max(age / 8, FORGET)
      lives = now + age + more
      call('PEXPIRE', messages, math.ceil(age + more))
    end
  end
end

-- publish publishes messages. bundled tells which of the bodies are bundles, and are as they are published. Lua
-- reads every byte of every string that it makes, so it makes only one.
local function publish(bodies, bundled)
  local at = '\n'
  if keep >= 0 then at = text('%s%s %d %d\n', birth, server, before + 1, before) end
  if #bodies == 1 then
    call('SPUBLISH', channel, (bundled[1] and '+' or '') .. at .. bodies[1])
    return
  end
  local parts = {'+', at}
  for i, body in ipairs(bodies) do
    parts[2 * i + 1] = bundled[i] and '' or text('%d\n', #body)
    parts[2 * i + 2] = body
  end
  call('SPUBLISH', channel, table.concat(parts))
end

-- append appends a group, whose entries begin after ARGV[a] and whose idempotency keys begin after KEYS[k].
local function append(k, a, count)
  load()
  local first0 = first
  before = head
  local results, fresh, bundled, n = {}, {}, {}, 0
  for i = a + 1, a + 4 * count, 4 do
    local again, key = nil, ARGV[i + 3]
    if key ~= '' then
      k = k + 1
      again = known(KEYS[k])
    end
    if again then
      results[#results + 1] = again
    else
      if n == 0 then prepare() end
      local offset, bytes = 0, tonumber(ARGV[i + 2])
      if keep >= 0 then
        offset = add(ARGV[i], ARGV[i + 1], bytes, ARGV[i + 2])
      end
      if key ~= '' then
        call('SET', KEYS[k], birth .. ' ' .. ARGV[1] .. text(' %d ', offset) .. key, 'PX', FORGETKEY)
      end
      n = n + 1
      fresh[n], bundled[n] = ARGV[i + 1], not bytes
      results[#results + 1] = offset
    end
  end
  oldest = oldest or 0
  local epoch = birth .. server
  if n == 0 then -- nothing is dropped for what was accepted before
    use()
    return {epoch, erased, 0, results}
  end
  drop(first0)

  if channel ~= '' then publish(fresh, bundled) end
  used, newest = now, now
  save()
  return {epoch, erased, before == 0 and 1 or 0, results}
end

local groups, k, a = {}, 0, 1
while a < #ARGV do
  state, messages, reads, newborn = KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], ARGV[a + 1]
  keep, most, life, channel = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4]), ARGV[a + 5]
  local count = tonumber(ARGV[a + 6])
  local ok, result = pcall(append, k + 3, a + 6, count)
  if not ok and type(result) ~= 'table' then result = {err = 'ERR ' .. tostring(result)} end
  groups[#groups + 1] = result
  k, a = k + 3, a + 6
  for _ = 1, count do
    if ARGV[a + 4] ~= '' then k = k + 1 end
    a = a + 4
  end
end
return groups
