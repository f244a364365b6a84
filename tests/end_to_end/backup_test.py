"""A site goes on after its backup, is restored, and meets workers that never stopped: nothing of the time between is taken
for anything of the time after, and every job of the backup ends exactly once."""

import datetime
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness
from daemon import Daemon

GENERATION = 1_000_000
COMMANDS = "sleep {}; echo attempt $WINDLASS_ATTEMPT"


class Backup:
    make_database = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="windlass-backup-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.database = self.make_database(self.directory)
        self.addCleanup(self.database.close)
        url = self.database.url
        if url is None:  # SQLite's is a file below the directory
            self.database.file.parent.mkdir()
            url = f"sqlite:{self.database.file}"
        self.common = {
            "WINDLASS_DATABASE_URL": url,
            "WINDLASS_SCHEDULER_LISTEN": f"unix:{self.directory}/scheduler.sock",
            # A worker alone kills its jobs after two thirds of this: longer than the scheduler is away here.
            "WINDLASS_SCHEDULER_LEASE_TTL_MS": "120000",
        }
        (pathlib.Path(self.directory) / "credentials").mkdir(mode=0o700)
        self.worker = self.daemon("worker", WINDLASS_WORKER_NAME=f"backup-{os.getpid()}", WINDLASS_WORKER_SLOTS="2",
                                  WINDLASS_WORKER_STATE_DIRECTORY=f"{self.directory}/worker", WINDLASS_WORKER_PREFETCH="0",
                                  WINDLASS_WORKER_ALLOW_WEAKER=harness.weaker(), WINDLASS_WORKER_FIRST_UID=harness.FIRST_UID)
        self.scheduler = self.daemon("scheduler")
        self.api = self.daemon("api", WINDLASS_API_LISTEN="127.0.0.1:0",
                               WINDLASS_API_CREDENTIALS_DIRECTORY=f"{self.directory}/credentials")
        self.start()
        self.worker.start().wait_said("connected to the scheduler")

    def daemon(self, name, **more):
        made = Daemon(name, name, self.directory, {**self.common, **more})
        self.addCleanup(made.stop)
        return made

    def start(self):
        self.scheduler.start().wait_said("listening on")
        url = self.api.start().wait_said(r"listening on (http://\S+)")[1]
        self.api.wait_said("connected to the scheduler")
        token = (pathlib.Path(self.directory) / "credentials" / "admin.token").read_text().strip()
        self.client = harness.Client(url, token)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for daemon in (self.scheduler, self.worker, self.api):
                if daemon.log.exists():
                    print(f"--- {daemon.name}\n{daemon.log.read_text(errors='replace')[-2500:]}", flush=True)

    def windlass(self, *words):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WINDLASS_")}
        return subprocess.run([str(harness.BIN / "windlass"), *map(str, words)], env={**clean, **self.common},
                              capture_output=True, text=True, check=False)

    def wait_until(self, job, status):
        harness.until(lambda: self.client.get(f"/api/jobs/{job}/").json["status"] == status, f"{job} is {status}")

    def test_a_restored_past_is_never_mixed_with_running_workers(self):
        file = pathlib.Path(self.directory) / "site.backup"
        limits = {"cpus": 1}
        runs_on = self.client.submit(COMMANDS.format(600), limits=limits)
        self.wait_until(runs_on, "running")
        # Nothing ends before the backup is made, however long that takes.
        self.worker.freeze()
        try:
            ends_soon = self.client.submit(COMMANDS.format(1), limits=limits)
            queued = self.client.submit(COMMANDS.format(2), limits=limits)
            cancelled = self.client.submit(COMMANDS.format(1), limits=limits)
            self.client.ask("DELETE", f"/api/jobs/{cancelled}/")
            array = self.client.post("/api/jobs/submit/", {
                "code": "", "data": "", "running_commands": COMMANDS.format(0), "array": {"count": 3}, "limits": limits,
                "after": [{"job": queued, "when": "ok"}]}).json["id"]
            made = self.windlass("backup", file)
        finally:
            self.worker.thaw()
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertIn("is there already", self.windlass("backup", file).stderr)
        held = self.windlass("restore", file)
        self.assertNotEqual(held.returncode, 0, "a scheduler leads this database")
        self.assertIn("systemctl stop", held.stderr)

        # The time between: of the backup's jobs some end, some are leased, and one comes that the backup does not know.
        self.client.wait(ends_soon)
        self.client.wait(queued)
        self.client.wait(array)
        later = self.client.submit(COMMANDS.format(3), limits=limits)
        self.wait_until(later, "running")
        self.scheduler.kill()
        self.api.kill()
        # Its result waits on the worker's disk for a scheduler that knew it.
        harness.until(lambda: list(pathlib.Path(self.directory, "worker/results").glob(f"{later}.*")), "the result is on disk")

        restored = self.windlass("restore", file)
        self.assertEqual(restored.returncode, 0, restored.stderr)
        print(restored.stdout, flush=True)
        self.start()
        self.worker.wait_said("(?s)connected to the scheduler.*connected to the scheduler")
        self.assertEqual(self.client.get(f"/api/jobs/{later}/").status, 404)
        newest = self.client.submit(COMMANDS.format(0), limits=limits)
        self.assertGreater(int(newest), int(later) + GENERATION)

        # What the worker ran all the time is no right to a result: it was ended, and the job is run anew.
        harness.until(lambda: [event for event in self.events(runs_on) if event["attempt"] == GENERATION + 1 and event["event"] == "start"],
                      "the long job runs again")
        self.client.ask("DELETE", f"/api/jobs/{runs_on}/")
        for job in (queued, ends_soon, newest):
            self.assertEqual(self.client.wait(job)["status"], "succeeded")
            self.assertEqual(self.client.result(job)["stdout"], f"attempt {GENERATION + 1}\n")
        self.assertEqual(self.client.wait(array)["status"], "succeeded")
        self.assertEqual(self.client.wait(cancelled)["status"], "cancelled")
        self.assertEqual(self.client.wait(runs_on)["status"], "cancelled")
        for job in (queued, ends_soon, newest):
            finishes = [event for event in self.events(job) if event["event"] == "finish"]
            self.assertEqual([event["attempt"] for event in finishes], [GENERATION + 1], job)
        first = int(array) + 1
        for query in (f"select count(*) from attempt_result where job between {first} and {first + 2}",
                      f"select count(*) from attempt_result where job between {first} and {first + 2} and attempt = {GENERATION + 1}"):
            self.assertEqual(self.database.rows(query)[0][0], 3)
        self.assertEqual(self.database.rows(f"select count(*) from attempt_result where job = {later}")[0][0], 0)
        self.assertEqual(list(pathlib.Path(self.directory, "worker/results").glob(f"{later}.*")), [])

        # Once more, and it is a generation further.
        self.scheduler.kill()
        self.api.kill()
        self.assertEqual(self.windlass("restore", file).returncode, 0)
        self.start()
        self.assertEqual(self.client.wait(queued)["status"], "succeeded")
        self.assertEqual(self.client.result(queued)["stdout"], f"attempt {2 * GENERATION + 1}\n")
        self.client.ask("DELETE", f"/api/jobs/{runs_on}/")

    def test_the_tables_go_back_to_an_older_form_and_forth_again_and_keep_the_jobs(self):
        ended = self.client.submit("echo kept")
        self.assertEqual(self.client.wait(ended)["status"], "succeeded")
        refused = self.windlass("migrate-back", "7")
        self.assertNotEqual(refused.returncode, 0, "a scheduler leads this database")
        self.assertIn("systemctl stop", refused.stderr)
        in_an_hour = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
        queued = self.client.submit("echo later", not_before=in_an_hour)
        self.scheduler.kill()
        self.api.kill()
        last = "select max(number) from schema_migration"
        newest = self.database.rows(last)[0][0]
        back = self.windlass("migrate-back", "7")
        self.assertEqual(back.returncode, 0, back.stderr)
        self.assertEqual(self.database.rows(last)[0][0], 7)
        for number, answer in (("0", "0005_access.sql cannot be undone"), ("99", "no way back"), ("ten", "takes the number")):
            failed = self.windlass("migrate-back", number)
            self.assertNotEqual(failed.returncode, 0)
            self.assertIn(answer, failed.stderr)
        self.assertIn(self.database.rows(last)[0][0], (7, newest), "nothing was undone in part")
        self.start()
        self.assertEqual(self.client.result(ended)["stdout"], "kept\n")
        self.assertEqual(self.client.get(f"/api/jobs/{queued}/").json["status"], "queued")
        self.assertEqual(self.client.wait(self.client.submit("true"))["status"], "succeeded")

    def events(self, job):
        return self.client.get(f"/api/jobs/{job}/events/").json


class BackupOnSqlite(Backup, unittest.TestCase):
    make_database = harness.Sqlite


class BackupOnPostgreSQL(Backup, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
