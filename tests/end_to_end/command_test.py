"""The `windlass` command against a real server, as a person types it."""

import pathlib
import stat
import subprocess
import unittest

import harness


class CommandTest(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite

    def setUp(self):
        self.home = pathlib.Path(self.directory) / f"home-{self.id()}"
        self.home.mkdir()

    def windlass(self, *words, stdin="", **variables):
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **variables}
        return subprocess.run(
            [str(harness.BIN / "windlass"), *words],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )

    def log_in(self):
        password = (self.dev.data / "admin.password").read_text()
        done = self.windlass("login", "--url", self.dev.url, "-u", "admin", "--password-stdin", stdin=password)
        self.assertEqual(done.returncode, 0, done)
        return done

    def test_login_is_remembered_until_logout(self):
        self.log_in()
        stored = self.home / ".config/windlass/credentials"
        self.assertEqual(stat.S_IMODE(stored.stat().st_mode), 0o600)
        self.assertEqual(self.windlass("job", "list").returncode, 0)
        self.assertEqual(self.windlass("logout").returncode, 0)
        self.assertFalse(stored.exists())
        refused = self.windlass("job", "list", "--url", self.dev.url)
        self.assertEqual(refused.returncode, 4, refused)
        self.assertIn("windlass login", refused.stderr)

    def test_a_wrong_password_is_refused_and_nothing_stored(self):
        done = self.windlass("login", "--url", self.dev.url, "-u", "admin", "--password-stdin", stdin="wrong\n")
        self.assertEqual(done.returncode, 4, done)
        self.assertFalse((self.home / ".config/windlass/credentials").exists())

    def test_run_prints_the_output_and_ends_like_the_job(self):
        self.log_in()
        done = self.windlass(
            "run",
            "--data",
            "-",
            "--env",
            "WHO=world",
            "--",
            'echo "hello $WHO"; cat data; echo oops >&2; exit 7',
            stdin="input\n",
        )
        self.assertEqual((done.returncode, done.stdout), (7, "hello world\ninput\n"), done)
        self.assertIn("oops\n", done.stderr)
        self.assertEqual(self.windlass("run", "--", "kill -9 $$").returncode, 137)
        self.assertEqual(self.windlass("run", "--timeout", "0.2", "--", "sleep 60").returncode, 124)
        exact = self.windlass("run", "--", "printf", "[%s]", "two words", "it's", "$HOME", "a,b", "--", "-x")
        self.assertEqual(exact.stdout, "[two words][it's][$HOME][a,b][--][-x]", exact)

    def test_a_job_is_followed_from_submit_to_result(self):
        token = (self.dev.data / "admin.token").read_text().strip()
        variables = {"WINDLASS_URL": self.dev.url, "WINDLASS_TOKEN": token}
        submitted = self.windlass("submit", "--name", "mine", "--", "echo out; echo err >&2", **variables)
        job = submitted.stdout.strip()
        self.assertRegex(job, r"^\d+$", submitted)
        waited = self.windlass("job", "wait", job, **variables)
        self.assertEqual((waited.returncode, waited.stdout), (0, "succeeded\n"), waited)
        self.assertIn("mine", self.windlass("job", "show", job, **variables).stdout)
        self.assertEqual(self.windlass("job", "log", job, **variables).stdout, "out\n")
        self.assertEqual(self.windlass("job", "log", job, "--stderr", **variables).stdout, "err\n")
        self.assertIn(job, self.windlass("job", "list", "--quiet", **variables).stdout.split())
        self.assertIn('"exit_code"', self.windlass("result", job, "--json", **variables).stdout)
        self.assertIn("succeeded", self.windlass("job", "why", job, **variables).stdout)
        sleeping = self.windlass("submit", "--", "sleep 60", **variables).stdout.strip()
        early = self.windlass("result", sleeping, **variables)
        self.assertEqual(early.returncode, 1, early)
        self.assertIn("has not ended", early.stderr)
        self.assertEqual(self.windlass("job", "cancel", sleeping, **variables).returncode, 0)
        self.assertEqual(self.windlass("job", "wait", sleeping, **variables).returncode, 125)

    def test_accounts_are_made_and_listed(self):
        self.log_in()
        made = self.windlass(
            "user",
            "create",
            "-u",
            "linus",
            "--email",
            "linus@example.org",
            "--company",
            "Example",
            "--password-stdin",
            stdin="correct horse battery\n",
        )
        self.assertRegex(made.stdout, r"^\d+\n$", made)
        self.assertIn("linus@example.org", self.windlass("user", "list").stdout)
        again = self.windlass(
            "user", "create", "-u", "linus", "--email", "l2@example.org", "--company", "Example", "--no-password"
        )
        self.assertEqual(again.returncode, 1, again)
        self.assertIn("in use", again.stderr)

    def test_mistakes_say_what_to_do(self):
        nobody = self.windlass("job", "list")
        self.assertEqual(nobody.returncode, 1, nobody)
        self.assertIn("--url", nobody.stderr)
        away = self.windlass("job", "list", "--url", "http://127.0.0.1:1", WINDLASS_TOKEN="x")
        self.assertEqual(away.returncode, 3, away)
        self.assertIn("windlass dev", away.stderr)
        self.assertEqual(self.windlass("frobnicate").returncode, 2)
        self.assertIn("behind `--`", self.windlass("submit", "--url", self.dev.url).stderr)
        self.log_in()
        self.assertEqual(self.windlass("job", "show", "999999999").returncode, 5)
        self.assertEqual(self.windlass("job", "show", "../users").returncode, 1)

    def test_doctor_tells_what_is_well(self):
        self.log_in()
        done = self.windlass("doctor")
        self.assertIn("server: " + self.dev.url + " answers", done.stdout, done)
        self.assertIn("login: the credential is accepted", done.stdout, done)
        self.assertIn("memory-limit", done.stdout, done)
        if not harness.weaker():
            self.assertEqual(done.returncode, 0, done)


if __name__ == "__main__":
    harness.main()
