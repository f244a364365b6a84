#!/bin/bash
# Inside the test machine, as the main process of a unit with Delegate=yes: runs the sandbox's tests below its own cgroup.
# Everything goes to the second serial port, which is the terminal of scripts/test-cgroup-v2.
exec >/dev/ttyS1 2>&1
who=$1
own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
echo "== as $who, uid $(id -u), in $own: $(cat "$own/cgroup.controllers")"
# The tests are several processes; the group above theirs must be free for the boxes, as systemd left it.
mkdir "$own/tests" && echo $$ > "$own/tests/cgroup.procs" || exit 1
cd /tmp || exit 1
status=0
for program in "sandbox_plan_test --gtest_filter=KernelCgroup.*:ProcessTimes.*" sandbox_test \
    "worker_box_test --gtest_filter=AgentBox.*"; do
    echo "== $who: $program"
    # shellcheck disable=SC2086
    /opt/windlass/$program --gtest_brief=1 || status=1
done
echo "RESULT $who $status"
