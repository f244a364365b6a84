"""Jobs outlive a crash and an upgrade of their worker: the next one takes them over, and each ends exactly once.

The worker here is a process of this test, so that it is started again when the test says so.
"""

import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time
import unittest

import harness

LINE = "0123456789" * 6 + "\n"


class Worker:
    """A windlass-worker beside a `windlass dev` whose own worker offers nothing."""

    def __init__(self, dev, directory, name, **settings):
        self.directory = pathlib.Path(directory)
        self.log = self.directory.with_suffix(".log")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WINDLASS_")}
        self.environment = {
            **clean,
            "WINDLASS_SCHEDULER_LISTEN": f"unix:{dev.data}/run/scheduler.sock",
            "WINDLASS_SCHEDULER_SECRET_FILE": str(dev.data / "scheduler.secret"),
            "WINDLASS_WORKER_NAME": name,
            "WINDLASS_WORKER_SLOTS": "8",
            "WINDLASS_WORKER_LABELS": f"survivor={name}",
            "WINDLASS_WORKER_STATE_DIRECTORY": str(self.directory),
            "WINDLASS_WORKER_FIRST_UID": str(int(harness.FIRST_UID) + 1_000_000 + random.randrange(900) * 1000),
            "WINDLASS_WORKER_KILL_GRACE_MS": "500",
            "WINDLASS_WORKER_ALLOW_WEAKER": harness.weaker(),
            **{f"WINDLASS_WORKER_{key}": str(value) for key, value in settings.items()},
        }
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [harness.BIN / "windlass-worker"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def kill_and_start(self):
        self.kill()
        self.start()

    def said(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        def ended():
            self.process.send_signal(signal.SIGTERM)  # drain; the second time at once; two that are too close are one
            try:
                self.process.wait(0.3)
            except subprocess.TimeoutExpired:
                return False
            return True

        try:
            harness.until(ended, "the worker ends")
        finally:
            self.kill()


class Surviving(harness.OnDatabase):
    slots = 1

    def setUp(self):
        super().setUp()
        self.user = self.new_user(f"survivor{random.randrange(10**9)}")
        self.folder = tempfile.TemporaryDirectory(prefix="windlass-survive-")
        self.addCleanup(self.folder.cleanup)
        self.worker = self.new_worker()

    def new_worker(self, **settings):
        name = f"survivor-{random.randrange(10**9)}"
        worker = Worker(self.dev, pathlib.Path(self.folder.name) / name, name, **settings)
        worker.name = name
        self.addCleanup(self.show_log, worker)
        self.addCleanup(worker.stop)
        worker.start()
        return worker

    def show_log(self, worker):
        if not self._outcome.success:
            print(worker.said()[-4000:], flush=True)

    def submit(self, commands, worker=None, **more):
        more.setdefault("requires", {"survivor": (worker or self.worker).name})
        return self.user.submit(commands, **more)

    def status(self, job):
        return self.user.get(f"/api/jobs/{job}/").json["status"]

    def wait_running(self, *jobs):
        for job in jobs:
            harness.until(lambda one=job: self.status(one) == "running", f"job {job} runs")

    def result(self, job):
        self.user.wait(job)
        return self.user.get(f"/api/results/{job}/").json["results"]

    def moves(self, job):
        return [event["event"] for event in self.user.get(f"/api/jobs/{job}/events/").json]

    def check_ran_once(self, *jobs):
        for job in jobs:
            events = self.user.get(f"/api/jobs/{job}/events/").json
            self.assertEqual([event["event"] for event in events], ["submit", "lease", "start", "finish"], events)

    def test_what_runs_goes_on_while_its_worker_is_killed_and_ends_once_with_all_it_printed(self):
        short = self.submit("echo before; sleep 3; echo after; exit 7")
        # More than one chunk and more than a pipe holds, before and behind the kills; and what is heard live.
        loud = self.submit(
            f"for i in $(seq 1 3000); do printf '%s' '{LINE}'; done; sleep 2; "
            f"for i in $(seq 1 3000); do printf '%s' '{LINE}'; done; echo end >&2"
        )
        live = self.submit("for i in $(seq 1 60); do echo line $i; sleep 0.05; done")
        late = self.submit("sleep 600", timeout_s=4)
        files = self.submit("sleep 2; echo kept > out/file; echo '{\"a\": 1}' > out/results.json")
        self.wait_running(short, loud, live, late, files)
        for _ in range(3):
            harness.until(lambda: "connected to the scheduler" in self.worker.said(), "the worker is there")
            self.worker.kill_and_start()
        one = self.result(short)
        self.assertEqual((one["exit_code"], one["stdout"]), (7, "before\nafter\n"))
        self.assertGreaterEqual(float(self.user.get(f"/api/jobs/{short}/").json["duration"]), 3)
        one = self.result(loud)
        self.assertEqual(one["stdout"], LINE * 6000)
        self.assertEqual(one["stderr"], "end\n")
        self.assertEqual(self.result(live)["stdout"], "".join(f"line {i}\n" for i in range(1, 61)))
        self.assertEqual(self.user.wait(late)["status"], "timed_out")
        duration = float(self.user.get(f"/api/jobs/{late}/").json["duration"])
        self.assertGreaterEqual(duration, 4)
        one = self.result(files)
        self.assertEqual(sorted(file["path"] for file in one["files"]), ["file", "results.json"])
        self.check_ran_once(short, loud, live, late, files)

    def test_members_of_an_array_go_on_as_what_they_are(self):
        array = self.submit("echo $WINDLASS_ARRAY_INDEX of $WINDLASS_ARRAY_COUNT; sleep 2; echo end", array={"count": 3})
        members = [row["id"] for row in self.user.get(f"/api/jobs/{array}/members/").json]
        self.assertEqual(len(members), 3)
        self.wait_running(*members)
        self.worker.kill_and_start()
        self.assertEqual(self.user.wait(array)["status"], "succeeded")
        said = [self.result(member)["stdout"] for member in members]
        first = int(said[0].split()[0])
        self.assertEqual(said, [f"{first + number} of 3\nend\n" for number in range(3)])
        for member in members:
            self.assertEqual(self.moves(member).count("start"), 1)

    def test_whenever_it_is_killed_no_job_is_run_twice(self):
        jobs = [
            self.submit(f"echo {number} begins; sleep 0.{number % 9 + 1}; echo {number} ends; sleep 1.{number % 7}")
            for number in range(8)
        ]
        self.wait_running(*jobs)
        over = lambda: all(self.status(job) == "succeeded" for job in jobs)
        connections = lambda: self.worker.said().count("connected to the scheduler")
        kills, heard, last_heard = 0, connections(), time.monotonic()
        deadline = last_heard + 2 * harness.PATIENCE
        while not over():
            self.assertLess(time.monotonic(), deadline, f"{kills} kills, and not over")
            threshold = random.uniform(0, 0.4)
            begin = time.monotonic()
            harness.until(lambda: time.monotonic() - begin > threshold, "a moment has passed")
            # Where a start takes longer than that nobody would ever renew the leases, and jobs were rightly run again.
            if time.monotonic() - last_heard > 3:
                harness.until(lambda known=heard: connections() > known, "the worker is there")
            if connections() > heard:
                heard, last_heard = connections(), time.monotonic()
            self.worker.kill_and_start()
            kills += 1
        for number, job in enumerate(jobs):
            self.assertEqual(self.result(job)["stdout"], f"{number} begins\n{number} ends\n")
        self.check_ran_once(*jobs)
        print(f"{kills} kills", flush=True)

    def test_a_job_that_ends_while_nobody_is_there_is_told_by_the_next_worker(self):
        marker = f"absent-{random.randrange(10**12)}"
        job = self.submit("echo alone; sleep 1; echo still; exit 4", env={"MARKER": marker})
        self.wait_running(job)
        self.worker.kill()
        harness.until(lambda: not harness.processes_with(marker), "it has ended")
        self.worker.start()
        one = self.result(job)
        self.assertEqual((one["exit_code"], one["stdout"]), (4, "alone\nstill\n"))
        self.check_ran_once(job)

    def test_a_worker_that_stays_away_loses_its_jobs_before_another_one_gets_them(self):
        other = self.new_worker()
        both = f"either-{random.randrange(10**9)}"
        for worker in (self.worker, other):
            worker.stop()
            worker.environment["WINDLASS_WORKER_LABELS"] = f"pair={both}"
        self.worker.start()
        marker = f"away-{random.randrange(10**12)}"
        job = self.submit("sleep 600", requires={"pair": both}, env={"MARKER": marker})
        self.wait_running(job)
        first = set(harness.processes_with(marker))
        self.assertTrue(first)
        other.start()
        self.worker.kill()
        # The second start is seen only when nothing of the first is left.
        seen_together = []

        def started_again():
            now = set(harness.processes_with(marker))
            if now & first and now - first - self.children(first):
                seen_together.append(now)
            return self.moves(job).count("start") == 2

        harness.until(started_again, "it runs elsewhere")
        self.assertEqual(seen_together, [])
        self.assertTrue(all(harness.has_ended(pid) for pid in first))
        self.worker.start()
        harness.until(lambda: self.worker.said().count("connected to the scheduler") >= 2, "the first one is back")
        self.assertEqual(self.status(job), "running")
        self.user.ask("DELETE", f"/api/jobs/{job}/")
        self.assertEqual(self.user.wait(job)["status"], "cancelled")

    @staticmethod
    def children(pids):
        return {child for pid in pids for child in harness.descendants_of(pid)}

    def test_a_result_waits_for_the_scheduler_over_a_restart_of_the_worker(self):
        marker = f"waits-{random.randrange(10**12)}"
        job = self.submit("sleep 1.5; echo kept; exit 3", env={"MARKER": marker})
        self.wait_running(job)
        scheduler = self.dev.daemons()["windlass-scheduler"]
        os.kill(self.dev.process.pid, signal.SIGSTOP)  # nobody starts it again
        try:
            os.kill(scheduler, signal.SIGKILL)
            harness.until(lambda: not harness.processes_with(marker), "the job has ended")
            self.worker.kill_and_start()
            harness.until(lambda: any((self.worker.directory / "results").glob("*.1")), "its result is on the disk")
            self.worker.kill_and_start()
        finally:
            os.kill(self.dev.process.pid, signal.SIGCONT)
        one = self.result(job)
        self.assertEqual((one["exit_code"], one["stdout"]), (3, "kept\n"))
        self.check_ran_once(job)

    def test_an_upgrade_hands_over_under_the_same_process_id(self):
        job = self.submit("echo before; sleep 2; echo after")
        self.wait_running(job)
        for number in (1, 2):
            connected = self.worker.said().count("connected to the scheduler")
            self.worker.process.send_signal(signal.SIGUSR2)
            harness.until(
                lambda: self.worker.said().count("connected to the scheduler") > connected, "the new program is there"
            )
            self.assertEqual(self.worker.said().count("handing over to a new program"), number)
        self.assertIsNone(self.worker.process.poll())
        self.assertEqual(self.result(job)["stdout"], "before\nafter\n")
        self.check_ran_once(job)
        self.worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.worker.process.wait(harness.PATIENCE), 0)

    def test_a_cancelled_job_stays_cancelled_whoever_ends_it(self):
        job = self.submit("trap '' TERM; echo up; while :; do sleep 0.1; done")
        self.wait_running(job)
        self.worker.kill()
        self.user.ask("DELETE", f"/api/jobs/{job}/")
        self.worker.start()
        self.assertEqual(self.user.wait(job)["status"], "cancelled")

    def test_without_adoption_jobs_end_with_their_worker(self):
        worker = self.new_worker(ADOPT="false")
        marker = f"without-{random.randrange(10**12)}"
        job = self.submit("sleep 600", worker, env={"MARKER": marker})
        self.wait_running(job)
        worker.kill()
        harness.until(lambda: not harness.processes_with(marker), "nothing of it is left")
        worker.start()
        harness.until(lambda: self.moves(job).count("start") == 2, "it runs again")
        self.user.ask("DELETE", f"/api/jobs/{job}/")
        self.user.wait(job)

    def test_a_worker_that_ends_in_peace_leaves_nothing(self):
        marker = f"peace-{random.randrange(10**12)}"
        job = self.submit("sleep 600", env={"MARKER": marker})
        self.wait_running(job)
        self.worker.kill_and_start()
        harness.until(lambda: "took over 1 boxes" in self.worker.said(), "it is taken over")
        # Only then it knows what to do with a TERM.
        harness.until(lambda: self.worker.said().count("connected to the scheduler") == 2, "the next worker is there")
        self.worker.stop()
        self.assertEqual(harness.processes_with(marker), [])
        self.user.ask("DELETE", f"/api/jobs/{job}/")


class SurvivingOnSqlite(Surviving, unittest.TestCase):
    make_database = harness.Sqlite


class SurvivingOnPostgreSQL(Surviving, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
