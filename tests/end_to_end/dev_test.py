"""`windlass dev` as a person uses it: started, stopped, started again, started twice, killed."""

import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import shutil
import unittest

import harness


class DevOn:
    """What depends on the database; the rest is tested on SQLite alone."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="windlass-e2e-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.database = self.make_database(self.directory)
        self.addCleanup(self.database.close)
        self.data = pathlib.Path(self.directory) / "data"

    def dev(self, **more):
        dev = harness.Dev(self.data, database=self.database.url, **more)
        self.addCleanup(lambda: dev.process.poll() is None and dev.stop())
        return dev.wait_ready()

    def test_a_second_start_continues_with_all_jobs(self):
        dev = self.dev(slots=1)
        client = dev.admin()
        done = client.submit("echo done")
        client.wait(done)
        before = client.get(f"/api/results/{done}/").json
        running = client.submit(
            "sleep 0.5; echo again; test -e /proc/self && sleep ${LONG:-0}", env={"LONG": "20"}, max_attempts=1
        )
        waiting = client.submit("cat data", data="patience\n")
        harness.until(lambda: client.get(f"/api/jobs/{running}/").json["status"] == "running", "the job runs")
        self.assertEqual(dev.stop(), 0, dev.said())
        self.assertFalse((self.data / "endpoint").exists())

        dev = self.dev(slots=2, environment={"WINDLASS_WORKER_DRAIN_MS": "100"})
        client = dev.admin()
        self.assertEqual(client.get(f"/api/results/{done}/").json, before)
        self.assertEqual(client.wait(waiting)["status"], "succeeded")
        self.assertEqual(client.result(waiting)["stdout"], "patience\n")
        harness.until(
            lambda: client.get(f"/api/jobs/{running}/").json["status"] == "running", "the interrupted job runs again"
        )
        client.ask("DELETE", f"/api/jobs/{running}/")
        self.assertEqual(client.wait(running)["status"], "cancelled")
        newer = client.submit("true")
        self.assertGreater(int(newer), int(waiting))
        self.assertEqual(dev.stop(), 0, dev.said())

    def test_ending_lets_running_jobs_end_first(self):
        dev = self.dev()
        client = dev.admin()
        job = client.submit("sleep 1; echo finished")
        harness.until(lambda: client.get(f"/api/jobs/{job}/").json["status"] == "running", "the job runs")
        self.assertEqual(dev.stop(signal.SIGINT), 0, dev.said())
        client = self.dev().admin()
        self.assertEqual(client.wait(job)["attempt"], 1, "it was not run twice")
        self.assertEqual(client.result(job)["stdout"], "finished\n")

    def test_killing_it_leaves_no_daemon_and_loses_no_job(self):
        dev = self.dev(slots=1)
        client = dev.admin()
        jobs = [client.submit(f"sleep 0.3; echo {i}") for i in range(3)]
        daemons = list(dev.daemons().values())
        self.assertEqual(len(daemons), 3)
        dev.process.kill()
        dev.process.wait()
        client = self.dev().admin()  # at once, while the daemons are still about ending
        harness.until(lambda: all(harness.has_ended(pid) for pid in daemons), "the daemons have ended")
        for i, job in enumerate(jobs):
            self.assertEqual(client.wait(job)["status"], "succeeded")
            self.assertEqual(client.result(job)["stdout"], f"{i}\n")


class DevOnSqlite(DevOn, unittest.TestCase):
    make_database = harness.Sqlite

    def test_what_it_writes_is_for_its_owner_alone(self):
        dev = self.dev()
        self.assertEqual((self.data / "endpoint").read_text().strip(), dev.url)
        for name in ("admin.password", "admin.token", "endpoint", "scheduler.secret"):
            self.assertEqual(stat.S_IMODE((self.data / name).stat().st_mode), 0o600, name)
        self.assertEqual(stat.S_IMODE(self.data.stat().st_mode), 0o700)
        password = (self.data / "admin.password").read_text().strip()
        login = harness.Client(dev.url).post("/api/users/authenticate/", {"username": "admin", "password": password})
        self.assertEqual(login.status, 200, login)
        text = dev.said() + "".join(path.read_text(errors="replace") for path in self.data.glob("log/*.log"))
        for secret in (
            password,
            (self.data / "admin.token").read_text().strip(),
            login.json["token"],
            (self.data / "scheduler.secret").read_text().strip(),
        ):
            self.assertNotIn(secret, text)

    def test_keys_are_changed_by_sighup_without_a_restart_and_without_ending_sessions(self):
        dev = self.dev()
        api = dev.daemons()["windlass-api"]
        file = self.data / "signing.key"
        old, new = file.read_text().strip(), "ab" * 32
        password = (self.data / "admin.password").read_text().strip()

        def log_in():
            client = harness.Client(dev.url)
            login = client.post("/api/users/authenticate/", {"username": "admin", "password": password})
            self.assertEqual(login.status, 200, login)
            return harness.Client(dev.url, login.json["token"])

        said = 0

        def reload(text, words):
            nonlocal said
            file.write_text(text)
            said = (self.data / "log/api.log").read_text().count(words)
            os.kill(api, signal.SIGHUP)
            harness.until(lambda: (self.data / "log/api.log").read_text().count(words) > said, f"the api says {words!r}")

        first = log_in()
        self.assertEqual(first.get("/api/user/").status, 200)
        reload(f"{new}\n{old}\n", "was read again, keys in it: 2")
        second = log_in()
        self.assertEqual([one.get("/api/user/").status for one in (first, second)], [200, 200])
        reload("no key\n", "the signing keys stay as they were")
        self.assertEqual([one.get("/api/user/").status for one in (first, second)], [200, 200])
        reload(f"{new}\n", "was read again, keys in it: 1")
        self.assertEqual([one.get("/api/user/").status for one in (first, second)], [401, 200])
        self.assertEqual(dev.daemons()["windlass-api"], api)

    def test_a_second_one_on_the_same_directory_is_refused(self):
        dev = self.dev()
        second = subprocess.run(
            [str(harness.BIN / "windlass"), "dev", "--data", str(self.data), "--listen", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )
        self.assertEqual((second.returncode, second.stdout), (1, ""))
        self.assertIn(str(dev.process.pid), second.stderr)
        self.assertIn("--data", second.stderr)
        self.assertEqual(dev.admin().get("/healthz").status, 200)

    def test_an_address_that_is_taken_is_named_and_nothing_stays_behind(self):
        dev = self.dev()
        other = harness.Dev(str(self.data) + "2", listen=dev.url.removeprefix("http://"))
        self.assertEqual(other.process.wait(harness.PATIENCE), 1)
        self.assertIn(dev.url.rsplit(":", 1)[1], other.said())
        self.assertEqual(harness.processes_with(str(self.data) + "2"), [])
        other.stop()

    def test_a_daemon_that_dies_comes_back_at_the_same_address(self):
        dev = self.dev()
        client = dev.admin()
        for name in ("api", "worker", "scheduler"):
            dev.wait_restarted(name, dev.kill_daemon(name))
            job = client.submit("echo back")
            self.assertEqual(client.wait(job)["status"], "succeeded")
        self.assertIn("killed by signal 9", dev.said())


class DevOnPostgreSQL(DevOn, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
