-- Put short messages on their streams: once per message and number, within the daily cap, with the event, all or nothing.
--
-- ARGV[1] is JSON: owner (who asks: asking again is no duplicate), dedup_s, at, items. Per item: dedup (key), cap_key, cap
-- (0: none), counts (whether it goes into the day's count), not_before (seconds since the epoch, 0: now), stream, message,
-- id (of its events), queued (the event of that outcome), facts (what the others carry, JSON without braces). Answers
-- "queued", "again", "duplicate" or "cap" per item.
local job = cjson.decode(ARGV[1])
local CAP_TTL = 3 * 24 * 3600

local function emit(event)
  redis.call('XADD', 'events', '*', 'e', event)
end

local function skip(item, why)
  emit('{"kind":"notify.skipped","at":"' .. job.at .. '","id":"' .. item.id .. '-skipped","result":"' .. why .. '",'
    .. item.facts .. '}')
  return why
end

local function put(item)
  local had = redis.call('GET', item.dedup)
  if had == job.owner then return 'again' end
  if had then return skip(item, 'duplicate') end
  if item.cap > 0 and tonumber(redis.call('GET', item.cap_key) or '0') >= item.cap then return skip(item, 'cap') end
  redis.call('SET', item.dedup, job.owner, 'EX', job.dedup_s)
  if item.counts then
    redis.call('INCR', item.cap_key)
    redis.call('EXPIRE', item.cap_key, CAP_TTL)
  end
  if item.not_before > 0 then
    redis.call('ZADD', 'mt-later', item.not_before, item.message)
  else
    redis.call('XADD', item.stream, '*', 'm', item.message)
  end
  emit(item.queued)
  return 'queued'
end

local answers = {}
for i, item in ipairs(job.items) do answers[i] = put(item) end
return answers
