-- Appends messages to streams, one after the other, and publishes them. Those of one stream that follow each other, and are alike, are a group.
-- KEYS: for each group 3 as in stream.lua, and then the idempotency keys of its messages that have one
-- ARGV: 1 as in stream.lua; then for each group six, and four for each of its messages. The six are 1 as ARGV[2] in stream.lua; 2 how many
--   messages are kept, negative for none; 3 how many bytes of data, and 4 for how many ms, 0 for any number; 5 the channel, or ''; 6 how
--   many messages there are. The four are p and m of the entry, how many bytes its data have, and what is kept of its key, or ''.
-- Returns for each group an error, of which the other groups know nothing, or: the epoch; how often something was erased; 1 if there was no
-- message before, else 0; and for each message its offset, 0 if it has none, or, if the key is known, {what is kept of the key, the body if
-- the message is still there}.
-- What is kept of a key is "BIRTH MS OFFSET " and what came as an argument.
local KEYLIFE, FORGETKEY, SWEEP = 300000, '360000', 64
local match = string.match
local keep, most, life, channel -- of the group

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

-- drop keeps what is left within its limits. before and first0 are head and first as they were.
local function drop(before, first0)
  if keep > 0 and head - first >= keep then first = head - keep + 1 end
  if most > 0 and total - base > most then
    seek(function(entry) return total - bytesBefore(entry) <= most end, head + 1)
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

-- publish publishes n messages, before which head was before. Lua reads every byte of every string that it makes, so it makes only one.
local function publish(before, bodies, n)
  local at = '\n'
  if keep >= 0 then at = text('%s%s %d %d\n', birth, server, before + 1, before) end
  if n == 1 then
    call('SPUBLISH', channel, at .. bodies[1])
    return
  end
  local parts = {'+', at}
  for i = 1, n do
    parts[2 * i + 1] = text('%d\n', #bodies[i])
    parts[2 * i + 2] = bodies[i]
  end
  call('SPUBLISH', channel, table.concat(parts))
end

-- append appends a group, whose messages begin after ARGV[a] and whose idempotency keys begin after KEYS[k].
local function append(k, a, count)
  load()
  local before, first0 = head, first
  local results, fresh, n = {}, {}, 0
  for i = a + 1, a + 4 * count, 4 do
    local again, body, key = nil, ARGV[i + 1], ARGV[i + 3]
    if key ~= '' then
      k = k + 1
      again = known(KEYS[k])
    end
    if again then
      results[#results + 1] = again
    else
      if n == 0 then prepare() end
      local offset = 0
      if keep >= 0 then
        head = head + 1
        offset = head
        call('XADD', messages, text('%d-%d', head, total), 'p', ARGV[i], 'm', body)
        total = total + ARGV[i + 2]
        oldest = oldest or tonumber(match(ARGV[i], '^%-?%d+'))
      end
      if key ~= '' then
        call('SET', KEYS[k], birth .. ' ' .. ARGV[1] .. text(' %d ', offset) .. key, 'PX', FORGETKEY)
      end
      n = n + 1
      fresh[n] = body
      results[#results + 1] = offset
    end
  end
  oldest = oldest or 0
  local epoch = birth .. server
  if n == 0 then -- nothing is dropped for what was accepted before
    use()
    return {epoch, erased, 0, results}
  end
  drop(before, first0)

  if channel ~= '' then publish(before, fresh, n) end
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
