-- Put short messages on their streams: once per message and number, within the caps, with the event, all or nothing.
--
-- ARGV[1] is JSON: dedup_s, at, items. Per item: owner (who asks: asking again is no duplicate), dedup (key), stream,
-- message, queued (the event of that outcome), number, stoppable (STOP holds for it), fen (what it
-- costs), spends (key and cap, 0: none, of each who pays). Of notifications also: cap_key, cap (0: none), counts (whether
-- it goes into the day's count), not_before (seconds since the epoch, 0: now), id (of its events), facts (what the event
-- of a skipped one carries, JSON without braces). Answers "queued", "again", "duplicate", "stopped", "cap" or "spending_cap" per item.
local job = cjson.decode(ARGV[1])
local CAP_TTL = 3 * 24 * 3600
local SPENT_TTL = 70 * 24 * 3600 -- the month and the one after, to look at

local function emit(event)
  redis.call('XADD', 'events', '*', 'e', event)
end

local function skip(item, why)
  if item.facts then
    emit('{"kind":"notify.skipped","at":"' .. job.at .. '","id":"' .. item.id .. '-skipped","result":"' .. why .. '",'
      .. item.facts .. '}')
  end
  return why
end

local function is_over(key, cap, more)
  return cap > 0 and tonumber(redis.call('GET', key) or '0') + more > cap
end

local function count(key, by, ttl)
  redis.call('INCRBY', key, by)
  redis.call('EXPIRE', key, ttl)
end

local function put(item)
  local had = redis.call('GET', item.dedup)
  if had == item.owner then return 'again' end
  if had then return skip(item, 'duplicate') end
  if item.stoppable and redis.call('SISMEMBER', 'sms:stopped', item.number) == 1 then return skip(item, 'stopped') end
  if item.cap and is_over(item.cap_key, item.cap, 1) then return skip(item, 'cap') end
  if item.fen > 0 then
    for _, spend in ipairs(item.spends) do
      if is_over(spend.key, spend.cap, item.fen) then return skip(item, 'spending_cap') end
    end
    for _, spend in ipairs(item.spends) do count(spend.key, item.fen, SPENT_TTL) end
  end
  redis.call('SET', item.dedup, item.owner, 'EX', job.dedup_s)
  if item.counts then count(item.cap_key, 1, CAP_TTL) end
  if item.not_before and item.not_before > 0 then
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
