-- The worker's moves between rq's keys, each all or nothing. ARGV[1] names the move; ARGV[2] is rq's prefix of job hashes.
--
-- take    KEYS queue, taken; ARGV n, then ids that are done: forget those, take up to n. Answers {id, {field, value …}, …}.
-- load    KEYS taken; ARGV id: the same for one that is taken already.
-- reclaim KEYS queue, taken, workers, alive; ARGV name: the worker is dead, what it had goes to the front of the queue.
-- due     KEYS queue, scheduled; ARGV now: jobs whose time has come go to the end of the queue.
-- wait    KEYS taken, scheduled; ARGV id, until: a taken job is to be tried again then.
local move, prefix = ARGV[1], ARGV[2]

local function load(ids, taken)
  local found = {}
  for _, id in ipairs(ids) do
    local hash = redis.call('HGETALL', prefix .. id)
    if #hash == 0 then
      redis.call('LREM', taken, 0, id)
    else
      redis.call('HSET', prefix .. id, 'status', 'started')
      found[#found + 1] = id
      found[#found + 1] = hash
    end
  end
  return found
end

if move == 'take' then
  for i = 4, #ARGV do
    redis.call('LREM', KEYS[2], 1, ARGV[i])
    redis.call('DEL', prefix .. ARGV[i])
  end
  local ids = {}
  for i = 1, tonumber(ARGV[3]) do
    local id = redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
    if not id then break end
    ids[i] = id
  end
  return load(ids, KEYS[2])
elseif move == 'load' then
  return load({ARGV[3]}, KEYS[1])
elseif move == 'reclaim' then
  local count = 0
  while true do
    local id = redis.call('LMOVE', KEYS[2], KEYS[1], 'RIGHT', 'LEFT')
    if not id then break end
    if redis.call('EXISTS', prefix .. id) == 1 then redis.call('HSET', prefix .. id, 'status', 'queued', 'suspect', '1') end
    count = count + 1
  end
  redis.call('SREM', KEYS[3], ARGV[3])
  redis.call('DEL', KEYS[4])
  return count
elseif move == 'due' then
  local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3], 'LIMIT', 0, 1000)
  for _, id in ipairs(ids) do
    redis.call('ZREM', KEYS[2], id)
    if redis.call('EXISTS', prefix .. id) == 1 then
      redis.call('HSET', prefix .. id, 'status', 'queued')
      redis.call('RPUSH', KEYS[1], id)
    end
  end
  return #ids
elseif move == 'wait' then
  redis.call('LREM', KEYS[1], 1, ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
  redis.call('HSET', prefix .. ARGV[3], 'status', 'scheduled')
  redis.call('HDEL', prefix .. ARGV[3], 'suspect', 'runs') -- it ran and its worker lives: a later turn is no death
  return 1
end
