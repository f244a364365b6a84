"""The Python package against a real server, and the examples of docs/examples/ as a reader would start them."""

import hashlib
import os
import pathlib
import subprocess
import sys
import unittest

import harness

CLIENT = harness.SOURCE / "cli" / "clients" / "python"
EXAMPLES = harness.SOURCE / "docs" / "examples"
sys.path.insert(0, str(CLIENT))

import windlass  # noqa: E402  (it is in this tree, not installed)


class PythonClient(harness.OnDatabase):
    def setUp(self):
        super().setUp()
        self.token = (self.dev.data / "admin.token").read_text().strip()
        self.site = windlass.Site(self.dev.url, self.token)

    # --- one job

    def test_a_job_is_submitted_waited_for_and_its_result_read(self):
        job = self.site.submit("sort data; echo woe >&2; echo kept > out/kept", data="b\na\n", name="first", tags=["py"])
        result = job.result()
        self.assertEqual((result.stdout, result.stderr, result.exit_code), ("a\nb\n", "woe\n", 0))
        self.assertTrue(result.succeeded)
        self.assertEqual(result.files["kept"].read(), b"kept\n")
        self.assertGreater(result.usage["wall_s"], 0)
        self.assertIsNotNone(result.duration_s)
        self.assertEqual(job.show()["name"], "first")
        self.assertEqual([row["id"] for row in self.site.jobs(tag="py")], [job.id])
        self.assertEqual(job.events()[-1]["status"], "succeeded")

    def test_a_job_that_fails_says_how(self):
        job = self.site.submit("echo 'no such thing' >&2; exit 3")
        with self.assertRaises(windlass.JobDidNotSucceed) as raised:
            job.result()
        self.assertIn("exit code 3", str(raised.exception))
        self.assertIn("no such thing", str(raised.exception))
        self.assertEqual(raised.exception.result.exit_code, 3)
        self.assertEqual(job.result(check=False).exit_code, 3)
        again = job.rerun(running_commands="exit 0")
        self.assertNotEqual(again, job)
        self.assertTrue(again.result().succeeded)

    def test_a_wait_may_be_given_up_and_a_job_cancelled(self):
        job = self.site.submit("sleep 600")
        with self.assertRaises(TimeoutError):
            job.wait(timeout_s=0.1)
        job.cancel("enough")
        self.assertEqual(job.wait(), "cancelled")

    def test_why_a_job_waits_is_a_sentence(self):
        job = self.site.submit("true", requires={"planet": "mars"})
        self.assertIn("planet", job.why())
        job.cancel()
        job.wait()

    # --- many

    def test_a_map_gives_the_results_in_order(self):
        results = self.site.map("echo $((N * N))", [{"N": n} for n in range(20)])
        self.assertEqual([int(result.stdout) for result in results], [n * n for n in range(20)])
        self.assertEqual(self.site.map("true", []), [])

    def test_an_array_counts_its_members_and_reruns_those_that_failed(self):
        array = self.site.submit('[ "$WINDLASS_ARRAY_INDEX" != 1 ]', array=3)
        array.wait()
        self.assertEqual((array.counts()["succeeded"], array.counts()["failed"]), (2, 1))
        self.assertEqual([each.exit_code for each in array.results(check=False)], [0, 1, 0])
        self.assertEqual(len(list(array.members(status="failed"))), 1)
        again = array.rerun_failed()
        again.wait()
        self.assertEqual(again.counts()["count"], 1)

    def test_a_graph_is_sent_at_once_and_runs_in_its_order(self):
        first, second = self.site.submit_all(
            [{"commands": "echo 1", "name": "first"}, {"commands": "echo 2", "after": ["first"]}]
        )
        third = self.site.submit("echo 3", after=[second, {"job": first, "when": "any"}])
        self.assertEqual([each.result().stdout for each in (first, second, third)], ["1\n", "2\n", "3\n"])
        with self.assertRaises(windlass.Refused) as raised:
            self.site.submit_all([{"commands": "true"}, {"commands": "true", "after": ["nobody"]}])
        self.assertEqual(raised.exception.status, 422)

    # --- files

    def test_files_are_uploaded_once_and_placed_in_the_jobs_directory(self):
        path = pathlib.Path(self.directory) / "large"
        content = os.urandom(9 << 20)  # three pieces
        path.write_bytes(content)
        job = self.site.submit("sha256sum large; cat small", files={"large": path, "small": "text\n", "raw": b"\0\1"})
        self.assertEqual(job.result().stdout, f"{hashlib.sha256(content).hexdigest()}  large\ntext\n")
        self.assertEqual(self.site.upload(path), hashlib.sha256(content).hexdigest())
        self.assertEqual(self.site.upload(b""), hashlib.sha256(b"").hexdigest())

    # --- following

    def test_following_tells_every_byte_once_also_across_a_restart_of_the_api(self):
        job = self.site.submit("for n in $(seq 200); do echo line $n ä; sleep 0.02; done; echo end >&2")
        told = {"stdout": "", "stderr": ""}
        killed = False
        for stream, text in job.follow():
            told[stream] += text
            if not killed and "line 20" in told["stdout"]:
                self.dev.wait_restarted("api", self.dev.kill_daemon("api"))
                killed = True
        self.assertTrue(killed)
        self.assertEqual(told["stdout"], "".join(f"line {n} ä\n" for n in range(1, 201)))
        self.assertEqual(told["stderr"], "end\n")

    # --- what goes wrong

    def test_refusals_are_exceptions_that_say_which_field(self):
        with self.assertRaises(windlass.Refused) as raised:
            self.site.submit("true", priority=1000)
        self.assertEqual(raised.exception.status, 400)
        self.assertEqual([pointer for pointer, _ in raised.exception.errors], ["/priority"])
        self.assertIn("/priority", str(raised.exception))
        with self.assertRaises(windlass.NotFound):
            self.site.job(1).show()
        with self.assertRaises(windlass.Denied):
            windlass.Site(self.dev.url, "wl_wrong").submit("true")
        with self.assertRaises(windlass.WindlassError):
            self.site.job("../users")

    def test_a_server_that_is_not_there_is_said_to_be_away(self):
        away = windlass.Site("http://127.0.0.1:9", "t", patience_s=0.2)
        with self.assertRaises(windlass.ServerAway):
            away.submit("true")

    def test_server_and_token_are_found_as_the_command_finds_them(self):
        home = pathlib.Path(self.directory) / "home"
        (home / ".config/windlass").mkdir(parents=True)
        stored = home / ".config/windlass/credentials"
        stored.write_text(f'{{"url": "{self.dev.url}", "token": "{self.token}"}}')
        stored.chmod(0o600)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("WINDLASS_", "XDG_"))}
        program = "import windlass; print(windlass.Site().submit('echo hello').result().stdout, end='')"

        def run(**variables):
            environment = {**clean, "HOME": str(home), "PYTHONPATH": str(CLIENT), **variables}
            return subprocess.run([sys.executable, "-B", "-c", program], env=environment, capture_output=True, text=True)

        self.assertEqual(run().stdout, "hello\n")
        elsewhere = run(WINDLASS_URL=self.dev.url.replace("127.0.0.1", "localhost"))
        self.assertIn("Denied", elsewhere.stderr, "a stored token goes only to the server it was stored for")
        stored.chmod(0o644)
        self.assertIn("can be read by others", run().stderr)

    # --- the examples

    def run_example(self, *command):
        environment = {
            "PATH": f"{harness.BIN}:/usr/bin:/bin",
            "HOME": self.directory,
            "PYTHONPATH": str(CLIENT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "WINDLASS_URL": self.dev.url,
            "WINDLASS_TOKEN": self.token,
        }
        done = subprocess.run(command, env=environment, cwd=self.directory, capture_output=True, text=True, timeout=90)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_example_of_a_parameter_sweep_plots_its_result(self):
        said = self.run_example(sys.executable, str(EXAMPLES / "parameter_sweep.py"), "sweep.svg")
        self.assertIn("pi is about 3.1", said)
        picture = (pathlib.Path(self.directory) / "sweep.svg").read_text()
        self.assertEqual(picture.count("<circle"), 20)

    def test_the_example_of_a_graph_runs_in_its_order(self):
        self.assertEqual(self.run_example(sys.executable, str(EXAMPLES / "graph.py")), "2\n12\nall counted\ntidied\n")

    def test_the_example_of_a_nightly_job_makes_its_schedule_and_runs_it_once(self):
        said = self.run_example("/bin/sh", str(EXAMPLES / "nightly.sh"))
        self.assertIn("tidied", said)
        self.assertIn("nightly", said)


class PythonClientOnSqlite(PythonClient, unittest.TestCase):
    make_database = harness.Sqlite


class PythonClientOnPostgreSQL(PythonClient, unittest.TestCase):
    make_database = harness.PostgreSQL


if __name__ == "__main__":
    harness.main()
