-- Put a job back on its queue, out of where it hangs. Whoever takes it out puts it back, so two workers do it once.
--
-- KEYS: where it hangs, its queue, its hash, the queue's intermediate list, the failed registry
-- ARGV: "zset" or "list" (the kind of where it hangs), its member there, the job's id, how many deaths of a worker it may
-- cause (0: this is no death), until when a failed job is kept. Answers "moved", "failed", "gone" or "taken".
local hangs, queue, job, intermediate, failed = unpack(KEYS)
local kind, member, id, deaths, keep_until = unpack(ARGV)

local removed
if kind == 'zset' then removed = redis.call('ZREM', hangs, member) else removed = redis.call('LREM', hangs, 1, member) end
if removed == 0 then return 'taken' end
redis.call('LREM', intermediate, 0, id)
if redis.call('EXISTS', job) == 0 then return 'gone' end
if tonumber(deaths) > 0 and redis.call('HINCRBY', job, 'worker_deaths', 1) >= tonumber(deaths) then
  redis.call('HSET', job, 'status', 'failed')
  redis.call('ZADD', failed, keep_until, id)
  return 'failed'
end
redis.call('HSET', job, 'status', 'queued')
redis.call(tonumber(deaths) > 0 and 'LPUSH' or 'RPUSH', queue, id)
return 'moved'
