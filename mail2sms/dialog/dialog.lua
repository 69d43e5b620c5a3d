-- One step of a number's dialogue, all or nothing. It is taken only if nothing moved since its facts were read, so that
-- two workers with the same number, or a step sent again since its answer was lost, change nothing.
--
-- ARGV[1] is JSON: step, number, and what the step needs; ARGV[2], ARGV[3] are the message and the draft it was decided on.
--
-- look    answers {first message of the inbox, draft, 1 if the number is stopped}, each "" where there is none
-- turn    takes the message off the inbox (pop), sends replies, keeps or drops the draft; answers as look does, and behind
--         it how many replies were withheld; -1: the facts had moved, and nothing was done.
--         draft ("": none), due (of the draft), draft_ttl_s; stopped (1, 0, or nil: as it was), stopped_event; events;
--         replies (stream, message, event, limited), day, per_day, help_every_s; reject (nobody can answer it: keep it)
-- rest    1 if the inbox is empty: the job may end, the next message makes another
local job = cjson.decode(ARGV[1])
local REJECTED_MAX, REJECTED_S, DAY_S = 1000, 7 * 24 * 3600, 2 * 24 * 3600
local inbox, draft = 'mo:inbox:' .. job.number, 'mo:draft:' .. job.number

local function emit(event)
  redis.call('XADD', 'events', '*', 'e', event)
end

local function look(withheld)
  return {
    redis.call('LINDEX', inbox, 0) or '', redis.call('GET', draft) or '',
    redis.call('SISMEMBER', 'sms:stopped', job.number), withheld,
  }
end

local function may_say(reply)
  if reply.limited and job.help_every_s > 0
    and not redis.call('SET', 'mo:helped:' .. job.number, '1', 'NX', 'EX', job.help_every_s) then return false end
  local said = 'mo:said:' .. job.number .. ':' .. job.day
  local count = redis.call('INCR', said)
  redis.call('EXPIRE', said, DAY_S)
  return count <= job.per_day
end

local function say(replies)
  local withheld = 0
  for _, reply in ipairs(replies) do
    if may_say(reply) then
      redis.call('XADD', reply.stream, '*', 'm', reply.message)
      emit(reply.event)
    else
      withheld = withheld + 1
    end
  end
  return withheld
end

local function keep_draft()
  if job.draft == '' then
    redis.call('DEL', draft)
    redis.call('ZREM', 'mo:due', job.number)
  else
    redis.call('SET', draft, job.draft, 'EX', job.draft_ttl_s)
    redis.call('ZADD', 'mo:due', job.due, job.number)
  end
end

local function stop_or_start()
  local changed = redis.call(job.stopped == 1 and 'SADD' or 'SREM', 'sms:stopped', job.number)
  if changed == 1 then emit(job.stopped_event) end
end

if job.step == 'look' then return look(0) end
if job.step == 'rest' then
  if redis.call('LLEN', inbox) > 0 then return 0 end
  redis.call('DEL', 'mo:called:' .. job.number)
  return 1
end
local found = look(0)
if found[1] ~= ARGV[2] or found[2] ~= ARGV[3] then return look(-1) end
if job.pop then redis.call('LPOP', inbox) end
if job.reject then
  redis.call('LPUSH', 'mo-rejected', ARGV[2])
  redis.call('LTRIM', 'mo-rejected', 0, REJECTED_MAX - 1)
  redis.call('EXPIRE', 'mo-rejected', REJECTED_S)
  return look(0)
end
keep_draft()
if job.stopped then stop_or_start() end
local withheld = say(job.replies)
for _, event in ipairs(job.events) do emit(event) end
return look(withheld)
