-- Appends messages to a stream, one after the other, and publishes them.
-- KEYS: 1 to 3 as in stream.lua; from 4 on the idempotency keys of the messages that have one
-- ARGV: 1 and 2 as in stream.lua; 3 how many messages are kept, negative for none; 4 how many bytes of data, and 5 for how many ms, 0 for any
--   number; 6 the channel, or ''; from 7 on four for each message: p and m of the entry, how many bytes its data have, and what is kept of
--   its key, or ''
-- Returns the epoch; how often something was erased; 1 if there was no message before, else 0; and for each message its offset, 0 if it has
-- none, or, if the key is known, {what is kept of the key, the body if the message is still there}.
-- What is kept of a key is "BIRTH MS OFFSET " and what came as an argument.
local KEYLIFE, EXTRA, SWEEP = 300000, 60000, 64
local keep, most, life, channel = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
load()
local before, first0 = head, first

-- prepare is done before the first message that is new: the age that held until now takes effect before another one holds.
local function prepare()
  if life ~= age then
    expire()
    age = life
  end
  if first > head then
    base, oldest = total, nil
  elseif keep < 0 then
    call('UNLINK', KEYS[2])
    first, base, lives = head + 1, total, 0
  end
end

-- known returns what is to be told of a message whose key was used before.
local function known(key)
  local kept = call('GET', key)
  if not kept then return nil end
  local of, at, offset = string.match(kept, '^(%S+) (%d+) (%d+) ')
  if of ~= birth or now - at > KEYLIFE then return nil end
  offset = tonumber(offset)
  local entry = offset >= first and call('XRANGE', KEYS[2], offset, offset)[1]
  return {kept, entry and entry[2][4] or false}
end

local results, fresh, n, k = {}, {}, 0, 3
for i = 7, #ARGV, 4 do
  local again, body = nil, ARGV[i + 1]
  local keyed = ARGV[i + 3] ~= ''
  if keyed then
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
      call('XADD', KEYS[2], head .. '-' .. total, 'p', ARGV[i], 'm', body)
      total = total + ARGV[i + 2]
      oldest = oldest or tonumber(string.match(ARGV[i], '^%-?%d+'))
    end
    if keyed then
      call('SET', KEYS[k], birth .. ' ' .. ARGV[1] .. ' ' .. offset .. ' ' .. ARGV[i + 3], 'PX', KEYLIFE + EXTRA)
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

if keep > 0 and head - first >= keep then first = head - keep + 1 end
if most > 0 and total - base > most then
  seek(function(entry) return total - bytesBefore(entry) <= most end, head + 1)
end
-- Whoever reads drops by age exactly; here it is only done when it is worth it.
if age > 0 and first <= head and now - oldest > age + age / 8 then expire() end

if first > head then
  if lives ~= 0 or head > before then call('UNLINK', KEYS[2]) end
  lives = 0
elseif keep >= 0 then
  if math.floor(first / SWEEP) ~= math.floor(first0 / SWEEP) then call('XTRIM', KEYS[2], 'MINID', '~', first) end
  if age == 0 then
    if lives ~= -1 then call('PERSIST', KEYS[2]) end
    lives = -1
  elseif lives < now + age then
    local more = math.max(age / 8, FORGET)
    lives = now + age + more
    call('PEXPIRE', KEYS[2], math.ceil(age + more))
  end
end

if channel ~= '' then
  local at = ''
  if keep >= 0 then at = epoch .. ' ' .. before + 1 .. ' ' .. before end
  if n == 1 then
    call('SPUBLISH', channel, at .. '\n' .. fresh[1])
  else
    for i = 1, n do fresh[i] = #fresh[i] .. '\n' .. fresh[i] end
    call('SPUBLISH', channel, '+' .. at .. '\n' .. table.concat(fresh))
  end
end
used, newest = now, now
save()
return {epoch, erased, before == 0 and 1 or 0, results}
