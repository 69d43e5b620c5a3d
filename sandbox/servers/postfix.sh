# postfix.sh QUEUE COMMAND...: run Postfix's master in the foreground, for a supervisor.
# master wants to lead its own session, so this shell stays between. When master was killed its children keep the ports
# until their sessions end, and when this shell was killed master runs on: both are ended before a new master starts.
queue=$1
shift
if old=$(cat "$queue/pid/master.pid" 2>/dev/null); then
  pkill -KILL -g $old -x master
  pkill -KILL -g $old -u postfix
fi
trap 'kill -TERM $master' TERM
"$@" &
master=$!
wait $master # ends early at SIGTERM
wait $master
