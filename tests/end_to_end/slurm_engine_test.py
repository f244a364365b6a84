"""A worker that hands its jobs to a real Slurm (Debian's packages, on loopback): the same results, live output, limits,
cancelling; and what is in Slurm survives the worker.

Needs root and the packages slurmctld, slurmd, slurm-client and munge; skipped without them.
"""

import csv
import hashlib
import io
import os
import signal
import unittest

import harness
import slurm_site

USER = "nobody"
CORES = 64

# What a job may say to the programs around it, and must stay text.
HOSTILE = "#SBATCH --partition=nowhere\n#SBATCH --array=1-9\n$(touch MARK) `touch MARK` 'a\" \\ %j ; touch MARK\n"


class OnSlurm(harness.OnDatabase):
    """One worker, in front of one Slurm of `CORES` cores and four devices."""

    slots = CORES
    site_settings = {}
    lease_ttl_ms = 60_000

    @classmethod
    def setUpClass(cls):
        if missing := slurm_site.missing():
            raise unittest.SkipTest(missing)
        cls.site = slurm_site.SlurmSite(cpus=CORES, memory_mb=64_000, gpus=4, **cls.site_settings)
        cls.addClassCleanup(cls.site.close)
        cls.shared = cls.site.directory / "shared"
        cls.shared.mkdir()
        cls.shared.chmod(0o711)
        cls.environment = {
            "WINDLASS_WORKER_BACKEND": "slurm",
            "WINDLASS_WORKER_SERVICE_LISTEN": "",
            "WINDLASS_WORKER_MEMORY_BYTES": str(64 << 30),
            "WINDLASS_WORKER_RESOURCES": "gpu=4",
            "WINDLASS_WORKER_SLURM_DIRECTORY": str(cls.shared),
            "WINDLASS_WORKER_SLURM_USER": USER,
            "WINDLASS_WORKER_SLURM_CONF": str(cls.site.config),
            "WINDLASS_WORKER_SLURM_POLL_MS": "200",
            "WINDLASS_WORKER_SAMPLE_INTERVAL_S": "1",
            "WINDLASS_SCHEDULER_LEASE_TTL_MS": str(cls.lease_ttl_ms),
        }
        super().setUpClass()

    def gate(self):
        """A file that a job waits for, so that it runs as long as the test wants it to."""
        path = self.site.directory / "work" / f"gate-{self.id().rsplit('.', 1)[1]}"
        path.unlink(missing_ok=True)
        return path

    @staticmethod
    def waiting_for(gate):
        return f"until [ -e {gate} ]; do sleep 0.1; done"

    def in_slurm(self, job):
        """Slurm's jobs of ours with this number, by their own: what `scontrol show job` says of each."""
        found = {}
        said = self.site.run("squeue", "-h", "-a", "-t", "all", "-o", "%A|%j").stdout
        for line in said.splitlines():
            number, _, name = line.partition("|")
            if name.rsplit("-", 1)[-1].split(".")[0] == str(job):
                found[int(number)] = self.site.job(number)
        return found

    def only(self, job):
        """Slurm's one job of ours, once it is there: its number, and what is said of it."""
        harness.until(lambda: self.in_slurm(job), f"job {job} is in Slurm")
        found = self.in_slurm(job)
        self.assertEqual(len(found), 1, found)
        return next(iter(found.items()))

    def runs(self, job, client=None):
        client = client or self.admin
        harness.until(lambda: client.get(f"/api/jobs/{job}/").json["status"] == "running", f"job {job} runs")

    def left_on_disk(self):
        return [path.name for path in self.shared.glob("*/*")] + [
            path.name for path in (self.dev.data / "worker/slurm").glob("*.attempt")
        ]


class SlurmEngine(OnSlurm):
    def test_a_job_ends_as_it_would_in_the_sandbox(self):
        job = self.admin.submit(
            "cat code data; echo complaint >&2; echo value > out/deep; mkdir logs; echo kept > logs/a.log;"
            ' echo lost > other; echo \'{"n": 1}\' > out/results.json; id -un; exit 3',
            code="first\n",
            data="second\n",
            outputs=["logs/*.log"],
        )
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["outcome"]), ("failed", "exited"), ended)
        result = self.admin.result(job)
        self.assertEqual(result["stdout"], f"first\nsecond\n{USER}\n")
        self.assertEqual(result["stderr"], "complaint\n")
        self.assertEqual(result["exit_code"], 3)
        self.assertEqual({file["path"]: file["size"] for file in result["files"]}, {"deep": 6, "results.json": 9, "logs/a.log": 5})
        harness.until(lambda: not self.left_on_disk(), "what the job left on the shared directory is removed")

    def test_words_of_a_job_stay_text(self):
        self.mark = self.site.directory / "work" / "mark"
        hostile = HOSTILE.replace("MARK", str(self.mark))
        job = self.admin.submit(
            "#SBATCH --array=1-9\n#SBATCH --partition=nowhere\nprintf %s \"$HOSTILE\"; printf '<%s>' \"$(cat code)\"",
            code=hostile,
            name=hostile.strip(),
            env={"HOSTILE": hostile, "SBATCH_ARRAY_INX": "1-9", "SLURM_CONF": "/nowhere"},
        )
        self.admin.wait(job)
        number, said = self.only(job)
        self.assertEqual(said["Partition"], "compute")
        self.assertNotIn("ArrayJobId", said)
        result = self.admin.result(job)
        self.assertIn(hostile + f"<{hostile.rstrip()}>", result["stdout"], result)
        self.assertEqual(self.in_slurm(job).keys(), {number})
        self.assertFalse(self.mark.exists(), "nothing of it was executed")

    def test_limits_and_devices_are_asked_of_slurm(self):
        gate = self.gate()
        job = self.admin.submit(
            f"{self.waiting_for(gate)}; echo $SLURM_GPUS_ON_NODE $SLURM_CPUS_ON_NODE; ulimit -n",
            limits={"cpus": 2.5, "memory_bytes": 300 << 20, "open_files": 99},
            timeout_s=90,
            resources={"gpu": 2},
        )
        _, said = self.only(job)
        self.assertEqual((said["NumCPUs"], said["MinMemoryNode"], said["TimeLimit"]), ("3", "300M", "00:03:00"))
        self.assertIn("gpu:2", said["TresPerNode"])
        self.assertEqual(said["UserId"], f"{USER}(65534)")
        gate.touch()
        self.assertEqual(self.admin.wait(job)["status"], "succeeded")
        self.assertEqual(self.admin.result(job)["stdout"], "2 3\n99\n")

    def test_a_job_has_its_limit_of_processes_for_itself(self):
        if refused := slurm_site.user_namespaces_refused(USER):
            self.skipTest(refused)
        gate = self.gate()
        forks = "n=0; while [ $n -lt 40 ]; do sleep 1000 & n=$((n + 1)); echo $n; done; echo all"
        # Of the same user, and beside it all the time.
        other = self.admin.submit(f"for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; {self.waiting_for(gate)}")
        self.runs(other)
        job = self.admin.submit(forks, limits={"processes": 10})
        self.assertEqual(self.admin.wait(job)["status"], "failed")
        made = self.admin.result(job)["stdout"].split()
        self.assertNotIn("all", made)
        self.assertIn(int(made[-1]), range(5, 11))
        gate.touch()
        self.assertEqual(self.admin.wait(other)["status"], "succeeded")

    def test_a_job_that_fills_its_directory_is_ended(self):
        job = self.admin.submit("dd if=/dev/zero of=large bs=1M count=5; sleep 1000", limits={"disk_bytes": 4 << 20, "file_bytes": 64 << 20})
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["outcome"]), ("failed", "out_of_disk"), ended)

    def test_a_job_that_ends_by_a_signal_says_so(self):
        job = self.admin.submit("kill -KILL $$")
        self.assertEqual(self.admin.wait(job)["outcome"], "signalled")
        self.assertEqual(self.admin.result(job)["signal"], 9)

    def test_what_is_printed_is_there_while_the_job_runs(self):
        gate = self.gate()
        job = self.admin.submit(f"echo now; {self.waiting_for(gate)}; echo then")
        harness.until(lambda: self.admin.get(f"/api/jobs/{job}/log/").body == b"now\n", "the first line is there")
        self.assertEqual(self.admin.get(f"/api/jobs/{job}/").json["status"], "running")
        gate.touch()
        self.assertEqual(self.admin.wait(job)["status"], "succeeded")
        self.assertEqual(self.admin.result(job)["stdout"], "now\nthen\n")

    def test_a_running_job_that_is_cancelled_ends_in_slurm(self):
        job = self.admin.submit("echo up; exec sleep 1000")
        harness.until(lambda: self.admin.get(f"/api/jobs/{job}/log/").body == b"up\n", "it runs")
        number, _ = self.only(job)
        self.assertEqual(self.admin.ask("DELETE", f"/api/jobs/{job}/").status, 202)
        self.assertEqual(self.admin.wait(job)["status"], "cancelled")
        self.assertIn(self.site.job(number)["JobState"], ("CANCELLED", "FAILED"))

    def test_a_job_that_waits_in_slurm_is_cancelled_and_never_starts(self):
        self.site.run("scontrol", "update", f"NodeName={self.site.node}", "State=DRAIN", "Reason=test")
        try:
            job = self.admin.submit("echo never")
            number, _ = self.only(job)
            self.admin.ask("DELETE", f"/api/jobs/{job}/")
            self.assertEqual(self.admin.wait(job)["status"], "cancelled")
            self.assertEqual(self.site.wait(number)["JobState"], "CANCELLED")
        finally:
            self.site.run("scontrol", "update", f"NodeName={self.site.node}", "State=RESUME")
        self.assertEqual(self.admin.result(job)["stdout"], "")

    def test_a_job_that_somebody_cancels_in_slurm_is_cancelled(self):
        job = self.admin.submit("exec sleep 1000")
        self.runs(job)
        number, _ = self.only(job)
        self.site.run("scancel", number)
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["outcome"]), ("cancelled", "cancelled"), ended)

    def test_a_job_is_stopped_at_its_time_limit(self):
        job = self.admin.submit("exec sleep 1000", timeout_s=1)
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["outcome"]), ("timed_out", "out_of_time"), ended)

    def test_what_slurm_refuses_is_told_with_slurms_sentence(self):
        job = self.admin.submit("true", limits={"memory_bytes": 64 << 30})  # a little more than the node has
        harness.until(
            lambda: b"configuration is not available" in self.admin.get(f"/api/jobs/{job}/attempts/").body,
            "the reason is told",
        )
        self.admin.ask("DELETE", f"/api/jobs/{job}/")
        self.admin.wait(job)

    def test_input_files_are_in_the_working_directory(self):
        body = b"from the store\n"
        sha256 = hashlib.sha256(body).hexdigest()
        answer = self.admin.ask("PUT", f"/api/blobs/{sha256}/", body)
        self.assertIn(answer.status, (200, 201, 204), answer)
        job = self.admin.submit("cat in/set", files={"in/set": {"sha256": sha256}})
        self.assertEqual(self.admin.wait(job)["status"], "succeeded")
        self.assertEqual(self.admin.result(job)["stdout"], body.decode())

    def test_an_array_and_fifty_jobs_run_side_by_side(self):
        array = self.admin.submit('echo "$WINDLASS_ARRAY_INDEX of $WINDLASS_ARRAY_COUNT"', array={"count": 5})
        jobs = {number: self.admin.submit(f"echo {number}") for number in range(50)}
        for number, job in jobs.items():
            self.assertEqual(self.admin.wait(job)["status"], "succeeded")
            self.assertEqual(self.admin.result(job)["stdout"], f"{number}\n")
        ended = self.admin.wait(array)
        self.assertEqual(ended["array"]["succeeded"], 5, ended)
        for member in self.admin.get(f"/api/jobs/{array}/members/").json:
            self.assertEqual(self.admin.result(member["id"])["stdout"], f"{member['index']} of 5\n")

    def test_a_killed_worker_finds_its_job_again_and_the_result_comes_once(self):
        gate = self.gate()
        job = self.admin.submit(f"echo before; {self.waiting_for(gate)}; echo after; echo done > out/file")
        harness.until(lambda: self.admin.get(f"/api/jobs/{job}/log/").body == b"before\n", "it runs")
        number, _ = self.only(job)
        killed = self.dev.kill_daemon("worker")
        self.dev.wait_restarted("worker", killed)
        gate.touch()
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["attempt"]), ("succeeded", 1), ended)
        result = self.admin.result(job)
        self.assertEqual(result["stdout"], "before\nafter\n")
        self.assertEqual([file["path"] for file in result["files"]], ["file"])
        self.assertEqual(self.only(job)[0], number, "it was submitted once")
        harness.until(lambda: not self.left_on_disk(), "nothing is left of it")

    def test_a_worker_that_is_told_to_stop_leaves_its_jobs_in_slurm_to_its_next_life(self):
        gate = self.gate()
        job = self.admin.submit(f"{self.waiting_for(gate)}; echo through")
        self.runs(job)
        number, _ = self.only(job)
        worker = self.dev.daemons()["windlass-worker"]
        os.kill(worker, signal.SIGTERM)
        harness.until(lambda: harness.has_ended(worker), "the worker ends")
        self.assertEqual(self.site.job(number)["JobState"], "RUNNING")
        self.dev.wait_restarted("worker", worker)
        gate.touch()
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["attempt"]), ("succeeded", 1), ended)
        self.assertEqual(self.admin.result(job)["stdout"], "through\n")

    def test_jobs_run_on_while_slurms_controller_is_away(self):
        gate = self.gate()
        job = self.admin.submit(f"{self.waiting_for(gate)}; echo through")
        self.runs(job)
        self.site.end("slurmctld")
        later = self.admin.submit("echo later")
        gate.touch()
        self.site.start()
        self.assertEqual(self.admin.wait(job)["status"], "succeeded")
        self.assertEqual(self.admin.result(job)["stdout"], "through\n")
        self.assertEqual(self.admin.wait(later)["status"], "succeeded")
        self.assertEqual(len(self.in_slurm(later)), 1, "it was submitted once")


class SlurmEngineOnSqlite(SlurmEngine, unittest.TestCase):
    make_database = harness.Sqlite


class SlurmEngineOnPostgreSQL(SlurmEngine, unittest.TestCase):
    make_database = harness.PostgreSQL


class LostLeases(OnSlurm, unittest.TestCase):
    """A worker that cannot renew has no right to its jobs any more."""

    make_database = harness.Sqlite
    lease_ttl_ms = 6_000

    def test_a_worker_that_cannot_renew_ends_its_jobs_in_slurm(self):
        gate = self.gate()
        job = self.admin.submit(f"{self.waiting_for(gate)}; echo through", max_attempts=3)

        def running():
            return next((number for number, said in self.in_slurm(job).items() if said["JobState"] == "RUNNING"), None)

        number = harness.until(running, "it runs in Slurm")
        scheduler = self.dev.daemons()["windlass-scheduler"]
        os.kill(scheduler, signal.SIGSTOP)
        try:
            self.site.wait(number)
        finally:
            os.kill(scheduler, signal.SIGCONT)
        gate.touch()
        ended = self.admin.wait(job)
        self.assertEqual(ended["status"], "succeeded", ended)
        self.assertGreater(ended["attempt"], 1)
        self.assertEqual(self.admin.result(job)["stdout"], "through\n")


class Gathered(OnSlurm, unittest.TestCase):
    """A Slurm that knows what its jobs use."""

    make_database = harness.Sqlite
    site_settings = {"gathers": True}

    def test_what_slurm_knows_of_a_job_is_sampled_and_in_its_result(self):
        gate = self.gate()
        job = self.admin.submit(
            "exec python3 -c 'import os, sys, time\nheld = bytearray(50 << 20)\n"
            "while not os.path.exists(sys.argv[1]): time.sleep(0.1)' " + str(gate)
        )

        def measured():
            answer = self.admin.get(f"/api/job/{job}?raw=true")
            if answer.status != 200:
                return None
            values = [
                float(row["_value"])
                for metric in answer.json["MetricData"]
                if metric["Config"]["Measurement"] == "mem_used"
                for row in csv.DictReader(io.StringIO(metric["RawData"]))
            ]
            return max(values, default=0) > 50e6

        harness.until(measured, "its memory is sampled")
        gate.touch()
        self.assertEqual(self.admin.wait(job)["status"], "succeeded")
        self.assertGreater(self.admin.result(job)["usage"]["peak_memory_bytes"], 50e6)

    def test_a_job_that_uses_more_memory_than_it_asked_for_is_ended(self):
        job = self.admin.submit(
            "exec python3 -c 'import time\nheld = bytearray(200 << 20)\ntime.sleep(1000)'", limits={"memory_bytes": 64 << 20}
        )
        ended = self.admin.wait(job)
        self.assertEqual((ended["status"], ended["outcome"]), ("failed", "out_of_memory"), ended)


if __name__ == "__main__":
    harness.main()
