"""`windlass init` on an empty home, and `windlass doctor` on a site with faults."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import threading
import http.server
import unittest

import harness


class OnEmptyHome(unittest.TestCase):
    LISTEN = ["--listen", "127.0.0.1:1"]  # where nobody is: what runs on this machine must not matter

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="windlass-init-test-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.data = self.home / ".local/share/windlass"

    def windlass(self, *words, code=0, **variables):
        done = subprocess.run(
            [str(harness.BIN / "windlass"), *words],
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin", **variables},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.PATIENCE, check=False,
        )
        self.assertEqual(done.returncode, code, done)
        return done

    def everything(self):
        """All of the home: of directories the mode, of files also time of change and bytes."""
        return {
            str(path): (path.lstat().st_mode, *((path.lstat().st_mtime_ns, path.read_bytes()) if path.is_file() else ()))
            for path in sorted(self.home.rglob("*"))
        }

    def assert_same(self, before):
        now = self.everything()
        self.assertEqual([path for path in sorted({*before, *now}) if before.get(path) != now.get(path)], [])


class Init(OnEmptyHome):
    def token(self):
        return json.loads((self.home / ".config/windlass/credentials").read_text())["token"]

    def test_it_makes_all_that_is_needed_and_the_second_time_nothing(self):
        first = self.windlass("init", "--personal", *self.LISTEN).stdout
        for name in ("windlass.toml", "admin.password", "admin.token", "windlass.db", "scheduler.secret"):
            self.assertTrue((self.data / name).is_file(), name)
            self.assertEqual(stat.S_IMODE((self.data / name).stat().st_mode) & 0o077 and name != "windlass.db", 0, name)
        self.assertEqual(stat.S_IMODE(self.data.stat().st_mode), 0o700)
        following = first.split("Next:\n")[1].splitlines()
        self.assertEqual([line.split()[:2] for line in following], [["windlass", "dev"], ["windlass", "run"], ["windlass", "doctor"]])
        before = self.everything()
        second = self.windlass("init", "--personal", *self.LISTEN).stdout
        self.assert_same(before)
        self.assertNotIn("made", second)
        self.assertEqual(json.loads(self.windlass("--json", "init", "--personal", *self.LISTEN).stdout)["changed"], [])
        self.assertEqual(self.windlass("-q", "init", "--personal", *self.LISTEN).stdout, "")
        self.assertIn("--listen", self.windlass("init", "--personal", "--listen", "127.0.0.1:2", code=1).stderr)
        self.assert_same(before)

        # What it said to do next, elsewhere than on the port of the settings, which may be somebody else's here.
        dev = harness.Dev(self.data, environment={"HOME": str(self.home)})
        self.addCleanup(dev.stop)
        dev.wait_ready()
        as_me = {"WINDLASS_URL": dev.url, "WINDLASS_TOKEN": self.token()}
        self.assertEqual(self.windlass("run", "--", "echo hello", **as_me).stdout, "hello\n")
        labels = [row["label"] for row in json.loads(self.windlass("--json", "token", "list", **as_me).stdout)]
        self.assertEqual(len([label for label in labels if label.startswith("windlass@")]), 1)
        # A login that was forgotten is made again, by the server that runs.
        (self.home / ".config/windlass/credentials").unlink()
        self.assertIn("made", self.windlass("init", "--personal", *self.LISTEN).stdout)
        self.assertEqual(self.windlass("-q", "job", "list", WINDLASS_URL=dev.url, WINDLASS_TOKEN=self.token()).stderr, "")

    def test_dev_goes_on_with_the_settings_that_init_made(self):
        self.windlass("init", "--personal", "--listen", "127.0.0.1:7")
        file = self.data / "windlass.toml"
        self.assertIn('listen = "127.0.0.1:7"', file.read_text())
        file.write_text(file.read_text() + "batch_jobs = 2\n")  # of [api], the last section
        dev = harness.Dev(self.data)
        self.addCleanup(dev.stop)
        dev.wait_ready()
        job = {"code": "", "data": "", "running_commands": "true"}
        self.assertEqual(dev.admin().post("/api/jobs/submit/batch/", [job] * 2).status, 200)
        self.assertIn(dev.admin().post("/api/jobs/submit/batch/", [job] * 3).status, (400, 413))

    def test_a_login_elsewhere_is_left_alone(self):
        credentials = self.home / ".config/windlass/credentials"
        credentials.parent.mkdir(parents=True, mode=0o700)
        credentials.write_text('{"url": "https://windlass.example", "token": "t"}')
        credentials.chmod(0o600)
        self.assertIn("https://windlass.example", self.windlass("init", "--personal", *self.LISTEN).stdout)
        self.assertEqual(json.loads(credentials.read_text())["token"], "t")
        self.assertTrue((self.data / "admin.token").exists())

    def test_what_cannot_be_is_refused_and_makes_nothing(self):
        for words in (["--database", "mysql://x/y"], ["--listen", "here"], ["--listen", "127.0.0.1:0"], ["--data", "/x" * 60]):
            self.assertIn("windlass: ", self.windlass("init", "--personal", *words, code=1).stderr)
            self.assertEqual(list(self.home.rglob("*")), [], words)

    def test_postgresql_is_set_up_when_it_is_named(self):
        database = harness.PostgreSQL(self.home)
        self.addCleanup(database.close)
        self.windlass("init", "--personal", *self.LISTEN, "--database", database.url)
        self.assertIn("postgresql://", (self.data / "windlass.toml").read_text())
        self.assertFalse((self.data / "windlass.db").exists())
        self.assertEqual(database.rows("select username from account where username = 'admin'"), [("admin",)])
        before = self.everything()
        self.windlass("init", "--personal", *self.LISTEN)
        self.assert_same(before)
        found = json.loads(self.windlass("--json", "doctor", code=self.doctor_code()).stdout)["findings"]
        said = [one["text"] for one in found if one["about"] == "database"]
        self.assertTrue(any("fsync and synchronous_commit are on" in text for text in said), said)
        self.assertTrue(any("those of this version" in text for text in said), said)

    def doctor_code(self):
        """1: the server that this home is logged in to does not run."""
        return 1


class Teapot(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(418)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Doctor(OnEmptyHome):
    def findings(self, settings):
        file = self.home / "site.toml"
        file.write_text(settings)
        said = json.loads(self.windlass("--json", "doctor", "--config", str(file), code=1).stdout)
        self.assertFalse(said["ok"])
        for one in said["findings"]:
            self.assertEqual(one["fix"] == "", one["result"] == "ok", one)
        return said["findings"]

    def test_each_fault_of_a_site_comes_with_what_mends_it(self):
        other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Teapot)
        other.daemon_threads = True
        threading.Thread(target=other.serve_forever, daemon=True).start()
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        secret = self.home / "secret"
        secret.write_text("known to all\n")
        secret.chmod(0o644)
        nonsense = self.home / "nonsense.pem"
        nonsense.write_text("nonsense\n")
        found = self.findings(
            f'[database]\nurl = "sqlite:{self.home}/windlass.db"\n'
            f'[scheduler]\nlisten = "unix:{self.home}/s.sock"\nsecret_file = "{secret}"\n'
            f'[worker]\nstate_directory = "{self.home}/worker"\nmetrics_listen = "127.0.0.1:{other.server_port}"\n'
            f'[api]\nlisten = "127.0.0.1:{other.server_port}"\nthumbnail_command = "/nonexistent/decoder -x"\n'
        )
        by = lambda result: {(one["about"], one["text"].split(":")[0].split(" =")[0]) for one in found if one["result"] == result}
        self.assertIn(("ports", "api.listen"), by("bad"))
        self.assertIn(("secrets", "scheduler.secret_file"), by("bad"))
        self.assertIn(("ports", "scheduler.listen"), by("ok"))
        self.assertIn("programs", {one["about"] for one in found if one["result"] == "warning"})
        self.assertTrue({"kernel", "cgroups", "namespaces", "landlock", "seccomp", "open-files", "clock", "space", "worker", "database"}
                        <= {one["about"] for one in found})
        found = self.findings(
            f'[database]\nurl = "postgresql:///x?host={self.home}"\n'
            f'[api]\ntls_certificate_file = "{nonsense}"\ntls_key_file = "{nonsense}"\n'
        )
        self.assertLessEqual({"certificate", "database"}, {one["about"] for one in found if one["result"] == "bad"})

    def test_only_what_is_not_well_is_said_quietly(self):
        said = self.windlass("-q", "doctor", "--config", str(self.home / "missing.toml"), code=1)
        self.assertIn("BAD  configuration: ", said.stdout)
        self.assertNotIn("\nok ", "\n" + said.stdout)

    def test_it_changes_nothing(self):
        self.windlass("init", "--personal", *self.LISTEN)
        before = self.everything()
        self.windlass("doctor", code=1)  # the server that this home is logged in to does not run
        self.assert_same(before)


if __name__ == "__main__":
    harness.main()
