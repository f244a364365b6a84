"""Jobs of a real Slurm (Debian's packages, on loopback) with our prolog and epilog: they are seen while they run, end, and
carry their exit codes; and whatever is wrong with Windlass, they run.

Needs root and the packages slurmctld, slurmd, slurm-client and munge; skipped without them.
"""

import pathlib
import shutil
import socket
import unittest

import harness
import slurm_site

SCRIPTS = harness.SOURCE / "slurm"


class Slurm(harness.OnDatabase):
    slots = 1

    @classmethod
    def setUpClass(cls):
        if missing := slurm_site.missing():
            raise unittest.SkipTest(missing)
        super().setUpClass()
        cls.scripts = pathlib.Path(cls.directory) / "slurm"
        cls.scripts.mkdir()
        for name in ("windlass-prolog", "windlass-epilog", "windlass-report.sh"):
            shutil.copy(SCRIPTS / name, cls.scripts)
        cls.settings = cls.scripts / "windlass.conf"
        answer = cls.admin.post("/api/generateAPIKey", "")
        assert answer.status == 200, answer
        cls.token = answer.body.decode()
        cls.site = slurm_site.SlurmSite(cls.scripts / "windlass-prolog", cls.scripts / "windlass-epilog", kill_wait_s=60)
        cls.addClassCleanup(cls.site.close)

    def setUp(self):
        self.configure(self.dev.url)

    def configure(self, url, mode=0o600):
        self.settings.write_text(
            f"url = {url}\ntoken = {self.token}\nslurm_conf = {self.site.config}\n"
        )
        self.settings.chmod(mode)

    def jobs(self, **filters):
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        answer = self.admin.get(f"/api/jobs?{query}")
        self.assertEqual(answer.status, 200, answer)
        return {job["Id"]: job for job in answer.json["Jobs"] if job["ClusterId"] == self.site.cluster}

    def shown(self, number, running):
        """The job as Windlass shows it, once it does so as running, or as over."""

        def found():
            job = self.jobs().get(number)
            return job if job and job["IsRunning"] == running else None

        try:
            return harness.until(found, f"job {number} is shown as {'running' if running else 'over'}")
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n{self.jobs().get(number)}\n{self.site.logs()}") from None

    def account(self, username):
        anonymous = harness.Client(self.dev.url)
        secret = "correct horse battery"
        person = {"name": username, "username": username, "email": f"{username}@example.org", "company": "Example"}
        self.assertEqual(anonymous.post("/api/users/create/", {**person, "password": secret}).status, 201)
        login = anonymous.post("/api/users/authenticate/", {"username": username, "password": secret})
        return harness.Client(self.dev.url, login.json["token"])

    def gate(self):
        """A file that a job waits for, so that it runs as long as the test wants it to."""
        path = self.site.directory / "work" / f"gate-{self.id().rsplit('.', 1)[1]}"
        path.unlink(missing_ok=True)
        return path

    def waiting_script(self, gate, then="exit 0"):
        return f"#!/bin/sh\nuntil [ -e {gate} ]; do sleep 0.1; done\n{then}\n"

    def test_a_job_is_seen_while_it_runs_and_when_it_is_over(self):
        gate = self.gate()
        job = self.site.sbatch(
            self.waiting_script(gate, "exit 3"), "--job-name=it's \"näme\" \\ $x", "--ntasks=2", "--partition=short"
        )
        running = self.shown(job, True)
        self.assertEqual(running["JobName"], "it's \"näme\" \\ $x")
        self.assertEqual((running["NodeList"], running["NumNodes"], running["NumTasks"]), (self.site.node, 1, 2))
        self.assertEqual((running["UserName"], running["UserId"], running["GroupName"]), ("root", 0, "root"))
        self.assertEqual((running["Partition"], running["Account"], running["ClusterId"]), ("short", "", "alpha"))
        self.assertEqual((running["StopTime"], running["ExitCode"]), (0, 0))
        self.assertIn(job, self.jobs(IsRunning="true", Partition="short"))
        gate.touch()
        over = self.shown(job, False)
        self.assertEqual(over["ExitCode"], 3)
        self.assertGreaterEqual(over["StopTime"], over["StartTime"])
        self.assertEqual(self.site.wait(job)["ExitCode"], "3:0")

    def test_exit_codes_are_those_that_slurm_knows(self):
        expected = {
            self.site.sbatch("#!/bin/sh\nexit 0\n"): 0,
            self.site.sbatch("#!/bin/sh\nexit 255\n"): 255,
            self.site.sbatch("#!/bin/sh\nkill -9 $$\n"): 128 + 9,
        }
        for job, code in expected.items():
            self.assertEqual(self.shown(job, False)["ExitCode"], code, self.site.job(job))

    def test_a_cancelled_job_is_over_and_did_not_succeed(self):
        gate = self.gate()
        up = gate.with_suffix(".up")
        job = self.site.sbatch(f"#!/bin/sh\ntouch {up}\nexec sleep 1000\n")
        self.shown(job, True)
        harness.until(up.exists, "the script itself runs, which the signal is for")
        self.site.run("scancel", job)
        self.assertEqual(self.site.wait(job)["JobState"], "CANCELLED")
        self.assertEqual(self.shown(job, False)["ExitCode"], 128 + 15)

    def test_a_cancelled_job_that_does_not_die_is_told_when_it_has(self):
        gate = self.gate()
        up = gate.with_suffix(".up")
        job = self.site.sbatch(f"#!/bin/sh\ntrap '' TERM\ntouch {up}\nuntil [ -e {gate} ]; do sleep 0.1; done\nkill -9 $$\n")
        self.shown(job, True)
        harness.until(up.exists, "it hears no signal any more")
        self.site.run("scancel", job)
        harness.until(
            lambda: [command for command in self.commands() if "windlass-epilog later" in command],
            "slurmctld's script has gone, and left one that waits",
        )
        self.assertEqual(self.site.job(job)["JobState"], "COMPLETING")
        self.assertTrue(self.jobs()[job]["IsRunning"])
        gate.touch()
        self.assertEqual(self.shown(job, False)["ExitCode"], 128 + 9)

    def test_each_task_of_an_array_is_a_job(self):
        first = self.site.sbatch("#!/bin/sh\nexit $SLURM_ARRAY_TASK_ID\n", "--array=4-6", "--job-name=many")
        harness.until(lambda: len(self.site.tasks(first)) == 3, "the array has three tasks")
        numbers = {int(task["JobId"]): int(task["ArrayTaskId"]) for task in self.site.tasks(first)}
        self.assertEqual(sorted(numbers.values()), [4, 5, 6])
        for job, task in numbers.items():
            self.assertEqual(self.shown(job, False)["ExitCode"], task)

    def test_a_requeued_job_runs_anew_under_its_number(self):
        gate = self.gate()
        job = self.site.sbatch(self.waiting_script(gate, "exit 5"), "--requeue")
        before = self.shown(job, True)
        self.site.run("scontrol", "requeue", job)
        self.shown(job, False)
        again = self.shown(job, True)
        self.assertGreater(again["StartTime"], before["StartTime"])
        self.assertEqual(again["ExitCode"], 0)
        gate.touch()
        self.assertEqual(self.shown(job, False)["ExitCode"], 5)

    def test_a_user_sees_the_jobs_of_its_name_and_no_others(self):
        account = self.account("nobody")
        own = self.site.sbatch("#!/bin/sh\nexit 0\n", user="nobody")
        foreign = self.site.sbatch("#!/bin/sh\nexit 0\n")
        for job in (own, foreign):
            self.shown(job, False)
        seen = {job["Id"] for job in account.get("/api/jobs").json["Jobs"]}
        self.assertIn(own, seen)
        self.assertNotIn(foreign, seen)
        self.assertEqual(account.get(f"/api/search/all/{own}").body, f"job:{own}".encode())
        self.assertEqual(account.get(f"/api/search/all/{foreign}").body, f"user:{foreign}".encode())

    def test_a_job_whose_start_was_not_taken_is_there_once_it_is_over(self):
        self.configure("http://127.0.0.1:9")  # where nobody listens
        gate = self.gate()
        job = self.site.sbatch(self.waiting_script(gate, "exit 7"), "--job-name=late")
        began = self.site.wait(job, {"RUNNING"})
        self.assertNotIn(job, self.jobs())
        self.configure(self.dev.url)
        gate.touch()
        over = self.shown(job, False)
        self.assertEqual((over["ExitCode"], over["JobName"]), (7, "late"))
        self.assertLessEqual(over["StartTime"], over["StopTime"])
        self.assertTrue(began["StartTime"])

    def test_a_windlass_that_never_answers_keeps_no_job_from_running_and_shows_no_token(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(16)  # connections are accepted by the kernel, and nobody reads
            self.configure(f"http://127.0.0.1:{silent.getsockname()[1]}")
            job = self.site.sbatch("#!/bin/sh\nexit 4\n")
            harness.until(lambda: self.reporting(), "curl waits for an answer")
            self.assertEqual(harness.processes_with(self.token), [], "no command line and no environment has it")
            self.assertEqual(self.site.wait(job)["ExitCode"], "4:0")

    @staticmethod
    def commands():
        for entry in pathlib.Path("/proc").iterdir():
            try:
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                pass

    def reporting(self):
        return [command for command in self.commands() if command.startswith("curl ") and "/api/job_start" in command]

    def test_settings_that_others_may_read_are_not_used_and_the_job_runs(self):
        self.configure(self.dev.url, mode=0o644)
        job = self.site.sbatch("#!/bin/sh\nexit 0\n")
        self.assertEqual(self.site.wait(job)["JobState"], "COMPLETED")
        self.settings.unlink()
        bare = self.site.sbatch("#!/bin/sh\nexit 0\n")
        self.assertEqual(self.site.wait(bare)["JobState"], "COMPLETED")
        self.configure(self.dev.url)
        after = self.site.sbatch("#!/bin/sh\nexit 0\n")
        self.shown(after, False)
        self.assertNotIn(bare, self.jobs())

    def test_jobs_of_slurm_and_of_our_own_queue_stand_in_one_list(self):
        ours = self.admin.submit("true")
        self.admin.wait(ours)
        theirs = self.site.sbatch("#!/bin/sh\nexit 0\n")
        self.shown(theirs, False)
        clusters = {job["Id"]: job["ClusterId"] for job in self.admin.get("/api/jobs").json["Jobs"]}
        self.assertEqual((clusters[int(ours)], clusters[theirs]), ("windlass", "alpha"))


class SlurmOnSqlite(Slurm, unittest.TestCase):
    make_database = harness.Sqlite


class SlurmOnPostgreSQL(Slurm, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
