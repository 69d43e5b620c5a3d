-- The gateway's record of what it does, one batch at a time and all or nothing. Every step may be played again: when the
-- answer to a batch is lost with the connection, the same batch is sent once more.
--
-- ARGV[1] is JSON: lease (key of who may send), group, at, report_ttl, early_ttl, mo_queue, mo_job, ops. Answers one value
-- per op.
--
-- sms:<id>   hash: s state (sending, submitted, delivered, failed, expired), n parts, l link, c what its events carry (JSON
--            without braces), g who handed it over last, p<i> state of part i: ? sent, ?? sent again, =ref accepted,
--            + delivered, !stat failed
-- dlr:<account>:<ref>     "<id> <i>": whose report that is
-- early:<account>:<ref>   a report that came before the answer: "<state> <done_at> <stat>"
-- mo:join:<key>  hash of the parts of a long MO: r the record so far, n parts, t<i> texts;  mo-joins, mo:joins:<number>:
--            their deadlines, of all and of each sender
-- mo:inbox:<number>  list of whole MO of a number as JSON, text in hexadecimal UTF-16: mail2sms/dialog answers them in order
-- mo:called:<number> a job for that number is under way;  mo:due: zset of numbers whose dialogue wants to know the time
-- mt-later   zset of short messages that wait for a time
local job = cjson.decode(ARGV[1])
local KEEP = 3600 -- seconds that a finished message is kept, to recognise repeated reports
local SEEN = 3 * 24 * 3600
local JOINS_MAX = 10000
local JOINS_EACH = 20 -- of one sender
local INBOX_MAX = 1000 -- of one number
local CALLED_S = 600 -- a job that was lost is made again after that, when there is need
local DUE_AGAIN_S = 30
local JOB_TIMEOUT_S = 180
local JOB_FAILURE_TTL_S = 7 * 24 * 3600
local FINAL = {delivered = true, failed = true, expired = true}

local function emit(event)
  redis.call('XADD', 'events', '*', 'e', event)
end

local function acknowledge(stream, entry)
  redis.call('XACK', stream, job.group, entry)
  redis.call('XDEL', stream, entry)
end

local function finish(key, id, state, stat, context, done_at)
  redis.call('HSET', key, 's', state)
  redis.call('EXPIRE', key, KEEP)
  emit('{"kind":"sms.' .. state .. '","at":"' .. job.at .. '","id":' .. cjson.encode(id .. '-' .. state) .. ',"result":'
    .. cjson.encode(stat) .. ((done_at or '') ~= '' and ',"detail":' .. cjson.encode({done_at = done_at}) or '') .. ','
    .. (context or '"sms_id":' .. cjson.encode(id)) .. '}') -- a failover of Redis may have lost the context
end

-- A part that was taken without a ref has no report of its own: its carrier joins the parts and reports on the last.
local function all_delivered(key, total)
  local some = false
  for i = 1, total do
    local mark = redis.call('HGET', key, 'p' .. i)
    some = some or mark == '+'
    if mark ~= '+' and mark ~= '=' then return false end
  end
  return some
end

local function report(id, number, state, stat, done_at)
  local key = 'sms:' .. id
  local had = redis.call('HMGET', key, 's', 'n', 'p' .. number, 'c')
  if not had[1] then return 'unknown' end
  if state == 'pending' then return 'pending' end
  local mark = string.sub(had[3] or '', 1, 1)
  if mark == '+' or mark == '!' then return 'repeat' end
  redis.call('HSET', key, 'p' .. number, state == 'delivered' and '+' or ('!' .. stat))
  if FINAL[had[1]] then return 'late' end
  if state == 'delivered' and (had[1] ~= 'submitted' or not all_delivered(key, tonumber(had[2]))) then return 'part' end
  finish(key, id, state, stat, had[4], done_at)
  return state
end

-- One job a number at a time, so that its messages stay in order. The hash is what rq writes for a queued job.
local function call_worker(number)
  local id = 'mo-' .. redis.sha1hex(number .. ' ' .. job.at)
  if not redis.call('SET', 'mo:called:' .. number, id, 'NX', 'EX', CALLED_S) then return end
  local queue, at = 'rq:queue:' .. job.mo_queue, string.sub(job.at, 1, 19) .. 'Z'
  redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'origin', job.mo_queue, 'created_at', at, 'enqueued_at', at,
    'data', cjson.encode({job.mo_job, cjson.null, {{number = number}}, {}}), 'description', id,
    'timeout', JOB_TIMEOUT_S, 'result_ttl', 0, 'failure_ttl', JOB_FAILURE_TTL_S)
  redis.call('SADD', 'rq:queues', queue)
  redis.call('RPUSH', queue, id)
end

-- A whole message goes to the inbox of its number, its event without the text to the ledger.
local function receive(record, text, missing)
  local event, mo = record.event, record.mo
  local inbox = 'mo:inbox:' .. mo.number
  event.at = job.at
  if missing > 0 then event.detail.missing = missing end
  if redis.call('LLEN', inbox) >= INBOX_MAX then
    event.result = 'inbox full'
  else
    mo.text, mo.missing = text, missing
    redis.call('RPUSH', inbox, cjson.encode(mo))
    call_worker(mo.number)
  end
  emit(cjson.encode(event))
  return event.result or 'received'
end

local function flush_join(key)
  redis.call('ZREM', 'mo-joins', key)
  local had = redis.call('HMGET', key, 'r', 'n')
  if not had[1] then return end
  local record, texts, missing = cjson.decode(had[1]), {}, 0
  for i = 1, tonumber(had[2]) do
    local text = redis.call('HGET', key, 't' .. i)
    if text then texts[#texts + 1] = text else missing = missing + 1 end
  end
  redis.call('DEL', key)
  redis.call('ZREM', 'mo:joins:' .. record.mo.number, key)
  receive(record, table.concat(texts), missing)
end

local does = {}

-- send: about to hand a part to a link. mine tells who does, one holder of a message; before, whose record he has read;
-- to: the number, where STOP holds for the message. Answers 1, or why it must not be sent: 0, this gateway lost its lease;
-- -1, there is a record that he has not read (the group was made anew, the entry is there twice); -2, STOP.
function does.send(token, id, number, total, link, mark, context, mine, before, to)
  if redis.call('GET', job.lease) ~= token then return 0 end
  local key = 'sms:' .. id
  local had = redis.call('HMGET', key, 's', 'g')
  if had[1] == 'submitted' or (had[2] and had[2] ~= mine and had[2] ~= before) then return -1 end
  if not had[1] and to ~= '' and redis.call('SISMEMBER', 'sms:stopped', to) == 1 then return -2 end
  redis.call('HSET', key, 's', FINAL[had[1]] and had[1] or 'sending', 'l', link, 'n', total, 'c', context, 'g', mine,
    'p' .. number, mark)
  redis.call('EXPIRE', key, job.report_ttl)
  return 1
end

-- accepted: the carrier took a part; with the last part comes the event.
function does.accepted(id, number, total, stream, entry, account, ref, event)
  local key = 'sms:' .. id
  local had = redis.call('HMGET', key, 's', 'c', 'p' .. number)
  local mark = string.sub(had[3] or '', 1, 1)
  if not had[1] then -- its record was lost: a failover of Redis, or an answer later than any report
    redis.call('HSET', key, 's', 'sending', 'n', total)
    redis.call('EXPIRE', key, job.report_ttl)
  end
  if mark ~= '+' and mark ~= '!' then redis.call('HSET', key, 'p' .. number, '=' .. ref) end
  if ref ~= '' then redis.call('SET', 'dlr:' .. account .. ':' .. ref, id .. ' ' .. number, 'EX', job.report_ttl) end
  if event ~= '' then
    acknowledge(stream, entry)
    if not FINAL[had[1]] and had[1] ~= 'submitted' then
      redis.call('HSET', key, 's', 'submitted')
      emit(event)
      if total > 1 and all_delivered(key, total) then finish(key, id, 'delivered', 'DELIVRD', had[2]) end
    end
  end
  local early = ref ~= '' and redis.call('GET', 'early:' .. account .. ':' .. ref)
  if early then
    redis.call('DEL', 'early:' .. account .. ':' .. ref)
    local state, done_at, stat = string.match(early, '^(%S+) (%S*) (.*)$')
    return report(id, number, state, stat, done_at)
  end
  return 1
end

-- doubt: a part that was sent will be sent once more, whoever has the message then.
function does.doubt(id, number, event)
  local key = 'sms:' .. id
  if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'p' .. number, '?') end
  emit(event)
  return 1
end

-- over: the message ends without having been accepted; state is failed or expired.
function does.over(id, state, stream, entry, event)
  local key = 'sms:' .. id
  acknowledge(stream, entry)
  if FINAL[redis.call('HGET', key, 's')] then return 0 end
  redis.call('HSET', key, 's', state)
  redis.call('EXPIRE', key, KEEP)
  emit(event)
  return 1
end

-- drop: an entry that is settled already.
function does.drop(stream, entry)
  acknowledge(stream, entry)
  return 1
end

-- release: other gateways may have an entry of which nothing is accepted; its record says how far it got.
function does.release(token, stream, entry)
  if redis.call('GET', job.lease) ~= token then return 0 end
  local found = redis.call('XRANGE', stream, entry, entry)
  if found[1] then
    local fields = found[1][2]
    for i = 1, #fields, 2 do
      if fields[i] == 'm' then redis.call('XADD', stream, '*', 'm', fields[i + 1], 'r', '1') end
    end
  end
  acknowledge(stream, entry)
  return 1
end

local function put_aside(why, stream, ...)
  redis.call('XADD', 'mt-rejected', 'MAXLEN', '~', 100000, '*', 'why', why, 'stream', stream, ...)
end

-- junk: an entry that is no short message; kept aside for people.
function does.junk(stream, entry, why)
  local found = redis.call('XRANGE', stream, entry, entry)
  if found[1] then
    put_aside(why, stream, unpack(found[1][2]))
  end
  acknowledge(stream, entry)
  return 1
end

function does.report(account, ref, state, stat, done_at)
  local whose = redis.call('GET', 'dlr:' .. account .. ':' .. ref)
  if not whose then
    if state ~= 'pending' then -- that would change nothing, and may come behind one that does
      local early = state .. ' ' .. (done_at or '') .. ' ' .. stat
      redis.call('SET', 'early:' .. account .. ':' .. ref, early, 'EX', job.early_ttl)
    end
    return 'early'
  end
  local id, number = string.match(whose, '^(.+) (%d+)$')
  local became = report(id, number, state, stat, done_at)
  if state ~= 'pending' then redis.call('EXPIRE', 'dlr:' .. account .. ':' .. ref, KEEP) end
  return became
end

-- mo: a message from a handset, or a part. seen tells repeats from this very batch played again; text is hexadecimal
-- UTF-16, since half a surrogate pair may stand at the edge of a part; record is JSON: event, and mo (id, number, to).
function does.mo(seen, mark, key, number, total, text, deadline, record)
  if not redis.call('SET', 'mo-seen:' .. seen, mark, 'NX', 'EX', SEEN) then
    return redis.call('GET', 'mo-seen:' .. seen) == mark and 'again' or 'repeat'
  end
  local whole = cjson.decode(record)
  if total == 1 then return receive(whole, text, 0) end
  local had = redis.call('HGET', key, 't' .. number)
  if had and had ~= text then flush_join(key) end -- the reference is used again: a new message begins
  redis.call('HSET', key, 'n', total, 't' .. number, text)
  redis.call('HSETNX', key, 'r', record)
  if redis.call('HLEN', key) - 2 >= total then
    flush_join(key)
    return 'joined'
  end
  local each = 'mo:joins:' .. whole.mo.number
  redis.call('ZADD', 'mo-joins', 'NX', deadline, key)
  redis.call('ZADD', each, 'NX', deadline, key)
  if redis.call('ZCARD', each) > JOINS_EACH then flush_join(redis.call('ZRANGE', each, 0, 0)[1]) end
  if redis.call('ZCARD', 'mo-joins') > JOINS_MAX then flush_join(redis.call('ZRANGE', 'mo-joins', 0, 0)[1]) end
  return 'part'
end

-- Whether the receiver said STOP while the message was held back (outgoing.lua asks before).
local function is_stopped(m)
  return (m.message_class == 'notification' or m.message_class == 'bulk')
    and redis.call('SISMEMBER', 'sms:stopped', m.to or '') == 1
end

local function failed(m, why)
  local event = {kind = 'sms.failed', at = job.at, id = m.id .. '-failed', result = why, number = m.to, sms_id = m.id}
  for _, name in ipairs({'queue_id', 'message_id', 'subscriber', 'domain'}) do
    if type(m[name]) == 'string' and m[name] ~= '' then event[name] = m[name] end
  end
  return cjson.encode(event)
end

-- tick: what time brings: long MO whose parts did not all come, dialogues that wait too long, messages whose hour has come.
function does.tick(now, limit)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', 'mo-joins', '-inf', now, 'LIMIT', 0, limit)) do flush_join(key) end
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', 'mo:due', '-inf', now, 'LIMIT', 0, limit)) do
    redis.call('ZADD', 'mo:due', now + DUE_AGAIN_S, number)
    call_worker(number)
  end
  local due = redis.call('ZRANGEBYSCORE', 'mt-later', '-inf', now, 'LIMIT', 0, limit)
  for _, message in ipairs(due) do
    local is_json, m = pcall(cjson.decode, message)
    if is_json and type(m) == 'table' then m.message_class = m.message_class or 'notification' end
    if not is_json or type(m) ~= 'table' or type(m.route) ~= 'string' or type(m.message_class) ~= 'string' then
      put_aside('no short message', 'mt-later', 'm', message)
    elseif is_stopped(m) then
      emit(failed(m, 'stopped'))
    else
      redis.call('XADD', 'mt:' .. m.route .. ':' .. m.message_class, '*', 'm', message)
    end
    redis.call('ZREM', 'mt-later', message)
  end
  return #due
end

function does.event(event)
  emit(event)
  return 1
end

local answers = {}
for i, op in ipairs(job.ops) do answers[i] = does[op[1]](unpack(op, 2)) end
return answers
