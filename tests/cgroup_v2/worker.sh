#!/bin/bash
# Inside the test machine: the worker as systemd starts it. Looks at the groups that it has made for itself and its boxes.
exec >/dev/ttyS1 2>&1
who=$1 unit=$2
echo "== $who: the worker in $unit"
systemctl start "$unit"
own=/sys/fs/cgroup$(systemctl show -p ControlGroup --value "$unit")
status=0
expect() { # FILE VALUE
    for _ in $(seq 100); do [ "$(cat "$own/$1" 2>/dev/null)" = "$2" ] && break; sleep 0.1; done
    [ "$(cat "$own/$1" 2>/dev/null)" = "$2" ] && echo "ok   $1 = $2" || { echo "BAD  $1 = $(cat "$own/$1"), not $2"; status=1; }
}
expect windlass-machine/slot-0.0/memory.oom.group 1
# With its guard and spawner; no process may stay where it came from.
grep -qx "$(systemctl show -p MainPID --value "$unit")" "$own/windlass-worker/cgroup.procs" && echo "ok   the worker is in a leaf of its own" ||
    { echo "BAD  the worker is not in windlass-worker"; status=1; }
expect cgroup.procs ""
expect cgroup.subtree_control "cpu io memory pids"
expect windlass-machine/cgroup.subtree_control "cpu io memory pids"
expect windlass-machine/slot-0.0/cgroup.procs ""
systemctl stop "$unit"
[ -d "$own/windlass-machine" ] && { echo "BAD  groups are left after the end of the worker"; status=1; }
[ $status -eq 0 ] || systemctl status "$unit" --no-pager
grep -E "present|MISSING|error" "/tmp/worker-$who.log"
echo "RESULT worker-$who $status"
