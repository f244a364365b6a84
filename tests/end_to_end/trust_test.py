"""A worker of another machine, as far as it can tell: enrolled with a one-time token, over TLS, it runs jobs, renews its
certificate, is revoked, refused, and enrolled again. On both databases."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import harness
from daemon import Daemon

LIFETIME = 60  # seconds; renewed at half of it, so a slow machine has the other half


class Trust:
    make_database = None

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="windlass-trust-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.database = cls.make_database(cls.directory)
        cls.addClassCleanup(cls.database.close)
        (pathlib.Path(cls.directory) / "data").mkdir()
        (pathlib.Path(cls.directory) / "credentials").mkdir(mode=0o700)
        common = {
            "WINDLASS_DATABASE_URL": cls.database.url or f"sqlite:{cls.directory}/data/windlass.db",
            "WINDLASS_SCHEDULER_LISTEN": f"unix:{cls.directory}/scheduler.sock",
        }
        cls.scheduler = Daemon(
            "scheduler",
            "scheduler",
            cls.directory,
            {
                **common,
                "WINDLASS_SCHEDULER_TLS_LISTEN": "127.0.0.1:0",
                "WINDLASS_SCHEDULER_TLS_NAMES": "localhost",
                "WINDLASS_SCHEDULER_TRUST_DIRECTORY": f"{cls.directory}/trust",
                "WINDLASS_SCHEDULER_CERTIFICATE_S": str(LIFETIME),
                "WINDLASS_SCHEDULER_LEASE_TTL_MS": "6000",
            },
        )
        cls.api = Daemon(
            "api",
            "api",
            cls.directory,
            {
                **common,
                "WINDLASS_API_LISTEN": "127.0.0.1:0",
                "WINDLASS_API_CREDENTIALS_DIRECTORY": f"{cls.directory}/credentials",
            },
        )
        cls.daemons = [cls.scheduler, cls.api]
        for daemon in reversed(cls.daemons):
            cls.addClassCleanup(daemon.stop)
        cls.address = cls.start_scheduler()
        url = cls.api.start().wait_said(r"listening on (http://\S+)")[1]
        cls.api.wait_said("connected to the scheduler")
        token = (pathlib.Path(cls.directory) / "credentials" / "admin.token").read_text().strip()
        cls.client = harness.Client(url, token)

    @classmethod
    def start_scheduler(cls):
        """Where workers dial it now: each life has a port of its own, as nobody keeps one free for the next."""
        return cls.scheduler.start().wait_said(r"workers of other machines dial (tls://127\.0\.0\.1:\d+)")[1]

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for daemon in self.daemons:
                if daemon.log.exists():
                    print(f"--- {daemon.name}\n{daemon.log.read_text(errors='replace')[-2500:]}", flush=True)

    def worker(self, name, address=None):
        environment = {
            "WINDLASS_SCHEDULER_DIAL": address or self.address,
            "WINDLASS_WORKER_NAME": name,
            "WINDLASS_WORKER_STATE_DIRECTORY": f"{self.directory}/{name}",
            "WINDLASS_WORKER_SLOTS": "1",
            "WINDLASS_WORKER_FIRST_UID": harness.FIRST_UID,
            "WINDLASS_WORKER_CGROUP": f"windlass-trust-{os.getpid()}-{name}",
            "WINDLASS_WORKER_LABELS": f"where={name}",
        }
        if harness.weaker():
            environment["WINDLASS_WORKER_ALLOW_WEAKER"] = harness.weaker()
        daemon = Daemon(name, "worker", self.directory, environment)
        self.daemons.append(daemon)
        self.addCleanup(daemon.stop)
        return daemon

    def token(self, name):
        answer = self.client.post(f"/api/workers/{name}/enrol/", None)
        self.assertEqual(answer.status, 200, answer)
        return answer.json["token"]

    def enrol(self, worker, token):
        """Exit status and what it said."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WINDLASS_")}
        done = subprocess.run(
            [str(harness.BIN / "windlass-worker"), "--enrol", "-"],
            env={**clean, **worker.environment},
            input=token + "\n",
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )
        self.assertNotIn(token, done.stdout + done.stderr)
        return done.returncode, done.stdout + done.stderr

    def wait_ended(self, worker, reason):
        """It ends by itself, with this sentence."""
        harness.until(lambda: worker.process.poll() is not None, f"{worker.name} ends")
        self.assertEqual(worker.process.returncode, 1)
        self.assertTrue(worker.said(reason), worker.log.read_text()[-2000:])

    def run_a_job(self, where):
        job = self.client.submit("cat data; echo was here", data="she ", requires={"where": where})
        self.assertEqual(self.client.wait(job)["status"], "succeeded")
        self.assertEqual(self.client.result(job)["stdout"], "she was here\n")

    def test_the_life_of_a_worker_of_another_machine(self):
        worker = self.worker("far")
        worker.start()
        self.wait_ended(worker, "this worker is not enrolled: an administrator says `windlass worker enrol NAME`")

        token = self.token("far")
        self.assertEqual(self.database_text("select token_hash from worker_enrolment where worker = 'far'").count(token), 0)
        code, said = self.enrol(worker, token)
        self.assertEqual(code, 0, said)
        self.assertIn("this worker is enrolled as far", said)
        identity = pathlib.Path(self.directory) / "far" / "identity.pem"
        self.assertEqual(identity.stat().st_mode & 0o777, 0o600)
        first = identity.read_bytes()

        worker.start().wait_said("connected to the scheduler at tls://")
        self.run_a_job("far")
        worker.wait_said("the certificate of this worker is renewed")
        self.assertNotEqual(identity.read_bytes(), first)
        self.run_a_job("far")
        worker.stop()
        worker.start().wait_said("connected to the scheduler at tls://")
        self.run_a_job("far")

        began = time.monotonic()
        self.assertEqual(self.client.post("/api/workers/far/revoke/", None).json["done"], "revoke")
        self.wait_ended(worker, "the certificates of this worker were revoked")
        print(f"revoked: the worker ended {time.monotonic() - began:.2f} s after it was asked for", flush=True)
        refused = "the certificates of this worker were revoked; only a new enrolment lets it in"
        worker.start()
        self.wait_ended(worker, refused)
        self.scheduler.kill()  # what it knew is gone; what the database holds is not
        type(self).address = worker.environment["WINDLASS_SCHEDULER_DIAL"] = self.start_scheduler()
        worker.start()
        self.wait_ended(worker, refused)

        code, said = self.enrol(worker, self.token("far"))
        self.assertEqual(code, 0, said)
        worker.start().wait_said("connected to the scheduler at tls://")
        self.run_a_job("far")

    def test_tokens_that_are_not_good(self):
        token = self.token("first")
        code, said = self.enrol(self.worker("other"), token)
        self.assertEqual(code, 1)
        self.assertIn('this enrolment token is for the worker "first" and not for "other"', said)
        first = self.worker("first")
        self.assertEqual(self.enrol(first, token)[0], 0)
        code, said = self.enrol(first, token)  # with another key: that of the first time is in use
        self.assertEqual(code, 1)
        self.assertIn("this enrolment token was used already", said)
        code, said = self.enrol(self.worker("third"), token[:-1])
        self.assertEqual(code, 1)
        self.assertIn("this is no whole enrolment token", said)
        foreign = re.sub(r"[0-9a-f]{64}$", "0" * 64, self.token("third"))
        code, said = self.enrol(self.worker("third"), foreign)
        self.assertEqual(code, 1)
        self.assertIn("another authority", said)

    def test_a_name_that_the_scheduler_does_not_have(self):
        worker = self.worker("lost", self.address.replace("127.0.0.1", "127.0.0.2"))
        code, said = self.enrol(worker, self.token("lost"))
        self.assertEqual(code, 1)
        self.assertRegex(said, "cannot reach|not for 127.0.0.2")
        by_name = self.worker("lost", self.address.replace("127.0.0.1", "localhost"))
        self.assertEqual(self.enrol(by_name, self.token("lost"))[0], 0)

    def database_text(self, query):
        if isinstance(self.database, harness.Sqlite):
            self.database.file = pathlib.Path(self.directory) / "data" / "windlass.db"
        return str(self.database.rows(query))


class TrustOnSqlite(Trust, unittest.TestCase):
    make_database = harness.Sqlite


class TrustOnPostgreSQL(Trust, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
