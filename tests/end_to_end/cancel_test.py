"""Cancelling: the whole process tree of a job is gone before the state says cancelled."""

import random
import unittest

import harness

# Children in the background and in a session of their own, that ignore TERM. Each carries the marker in its environment.
TREE = """trap '' TERM
for i in 1 2 3; do (trap '' TERM; while :; do sleep 1000; done) & done
setsid sh -c "trap '' TERM; while :; do sleep 1000; done" &
echo started
wait
"""


class Cancelling(harness.OnDatabase):
    environment = {"WINDLASS_WORKER_KILL_GRACE_MS": "500"}

    def test_a_running_tree_is_gone_before_the_state_says_cancelled(self):
        user, marker = self.new_user("cancel"), f"cancel-{random.randrange(10**12)}"
        job = user.submit(TREE, env={"MARKER": marker})
        harness.until(lambda: user.get(f"/api/jobs/{job}/log/").body == b"started\n", "the tree is up")
        self.assertGreaterEqual(len(harness.processes_with(marker)), 5)
        asked = user.ask("DELETE", f"/api/jobs/{job}/")
        self.assertEqual(asked.status, 202, asked)

        # One look at the state, then one at the processes: in this order it would catch a state that runs ahead.
        def cancelled():
            state = user.get(f"/api/jobs/{job}/").json["status"]
            left = harness.processes_with(marker)
            if state == "cancelled":
                self.assertEqual(left, [])
                return True
            self.assertEqual(state, "running")
            return False

        harness.until(cancelled, "the job is cancelled")
        self.assertEqual(user.result(job)["outcome"], "cancelled")
        again = user.ask("DELETE", f"/api/jobs/{job}/")
        self.assertEqual(again.status, 200, again)
        events = [event["event"] for event in user.get(f"/api/jobs/{job}/events/").json]
        self.assertEqual(events, ["submit", "lease", "start", "request_cancel", "cancel"])

    def test_a_waiting_job_never_starts(self):
        user = self.new_user("cancelqueued")
        blockers = [user.submit("exec sleep 60") for _ in range(self.slots)]
        job = user.submit("echo never")
        self.assertIn(user.ask("DELETE", f"/api/jobs/{job}/").status, (200, 202))
        self.assertEqual(user.wait(job)["status"], "cancelled")
        self.assertNotIn("stdout", {k: v for k, v in user.result(job).items() if v})
        for blocker in blockers:
            user.ask("DELETE", f"/api/jobs/{blocker}/")
            self.assertEqual(user.wait(blocker)["status"], "cancelled")

    def test_a_cancel_that_was_acknowledged_survives_the_death_of_everybody(self):
        user, marker = self.new_user("cancelkill"), f"cancel-{random.randrange(10**12)}"
        job = user.submit(TREE, env={"MARKER": marker})
        harness.until(lambda: user.get(f"/api/jobs/{job}/log/").body == b"started\n", "the tree is up")
        self.assertEqual(user.ask("DELETE", f"/api/jobs/{job}/").status, 202)
        for name in ("scheduler", "worker"):
            self.dev.kill_daemon(name)
        self.assertEqual(user.wait(job)["status"], "cancelled")
        self.assertEqual(harness.processes_with(marker), [])


class CancellingOnSqlite(Cancelling, unittest.TestCase):
    make_database = harness.Sqlite


class CancellingOnPostgreSQL(Cancelling, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
