-- KEYS[1] the lease; ARGV: our token, how long in ms, the token of a holder known to be dead (or "").
-- Answers "kept", "taken", or the token of who has it.
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 'kept'
end
if not holder or holder == ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 'taken'
end
return holder
