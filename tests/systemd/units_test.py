"""The units of systemd/: read by systemd's own checkers, and run for real by a systemd that is booted for this test alone.

SystemdUnits.* need the package systemd. RunningUnits needs root with CAP_SYS_ADMIN, overlayfs and a cgroup v2 mount that can
be written to. What is missing is named, and the test reports SKIP (status 77).
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from machine import NAME, PATIENCE, Machine, wait_for, why_not_booting

HERE = pathlib.Path(__file__).resolve().parent
UNITS = HERE.parent.parent / "systemd"
PROGRAMS = pathlib.Path(os.environ.get("WINDLASS_BIN", HERE.parent.parent / "build/release/bin"))
SERVICES = ("windlass-scheduler", "windlass-api", "windlass-worker")
# What systemd-analyze security may say at most (0 is nothing exposed, 10 everything). The worker mounts and changes users: that is
# what it is for.
EXPOSURE = {"windlass-scheduler": 1.2, "windlass-api": 1.2, "windlass-worker": 3.9, "windlass-boxes": 0.7}
# The machine of this test usually has a cgroup v2 tree without controllers (they are bound to v1 outside, or not passed down). Its
# worker therefore agrees to do without these; nobody should copy that to a real machine.
ALLOW_WEAKER = ["memory-limit", "process-limit", "cpu-limit"]


def install(root):
    """What docs/systemd.md says to do by hand, below `root`. /lib is a link there, as on every Debian."""
    for folder in ("usr/lib", "etc/systemd/system"):
        (root / folder).mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    for component in ("server", "worker", "command"):
        subprocess.run(["cmake", "--install", PROGRAMS.parent, "--prefix", root, "--component", component], check=True,
                       stdout=subprocess.DEVNULL)
    (root / "lib").unlink()


def add_network_drop_in(root):
    for unit in ("windlass-worker", "windlass-boxes"):
        folder = root / f"etc/systemd/system/{unit}.service.d"
        folder.mkdir(parents=True)
        shutil.copy(UNITS / f"{unit}-network.conf", folder / "network.conf")


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is missing (package systemd)")
class SystemdUnits(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="windlass-systemd-units-")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        install(self.root)

    def verify(self):
        """Its status is 0 even for names that systemd does not know: what counts is that it says nothing about ours."""
        # Units that ours are ordered after are part of the tree, and have programs of their own.
        for name in ("sysinit.target", "basic.target", "shutdown.target", "network.target", "multi-user.target", "sockets.target",
                     "slices.target"):
            shutil.copy(f"/lib/systemd/system/{name}", self.root / "usr/lib/systemd/system")
        # The programs of the system that units of ours call: for a reload, and to do nothing.
        (self.root / "bin").mkdir(exist_ok=True)
        for program in ("kill", "sleep"):
            shutil.copy2(f"/bin/{program}", self.root / "bin" / program)
        units = [str(self.root / f"usr/lib/systemd/system/{name}.service") for name in EXPOSURE]
        units += [str(self.root / "usr/lib/systemd/system" / name) for name in ("windlass-api.socket", "windlass-jobs.slice")]
        done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", f"--root={self.root}", *units],
                              capture_output=True, text=True)
        return done.returncode, done.stderr.strip()

    def test_systemd_understands_every_line(self):
        self.assertEqual(self.verify(), (0, ""))

    def test_systemd_understands_the_drop_in_for_the_network(self):
        add_network_drop_in(self.root)
        self.assertEqual(self.verify(), (0, ""))

    def test_a_misspelt_line_would_be_noticed(self):
        with open(self.root / "usr/lib/systemd/system/windlass-api.service", "a") as unit:
            unit.write("\n[Service]\nNoNewPriviledges=yes\n")
        self.assertIn("NoNewPriviledges", self.verify()[1])

    def test_the_example_configuration_shows_known_names_with_their_defaults(self):
        table = subprocess.run([PROGRAMS / "windlass-scheduler", "--print-settings"], capture_output=True, text=True,
                               check=True).stdout
        rows = [[cell.strip(" `") for cell in line.split("|")] for line in table.splitlines() if line.startswith("| `")]
        defaults = {row[1]: row[4] for row in rows}
        section = None
        shown = 0
        lines = [line for file in ("windlass.toml", "worker.toml") for line in (UNITS / file).read_text().splitlines()]
        for line in lines:
            if line.startswith("["):
                section = line.strip("[]")
            setting = re.fullmatch(r"(# )?([a-z_]+) = (.+)", line)
            if setting:
                name = f"{section}.{setting[2]}"
                self.assertIn(name, defaults)
                if setting[1]:
                    self.assertEqual(setting[3], defaults[name], name)
                shown += 1
        self.assertGreater(shown, 10)

    def test_exposure_stays_below_its_bounds(self):
        for name, bound in EXPOSURE.items():
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={round(bound * 10)}",
                                   "--no-pager", UNITS / f"{name}.service"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{name}: {done.stdout[-120:]}{done.stderr}")


class RunningUnits(unittest.TestCase):
    def setUp(self):
        reason = why_not_booting()
        if reason:
            self.skipTest(reason)
        folder = tempfile.TemporaryDirectory(prefix=f"{NAME}{os.getpid()}-tree-")
        self.addCleanup(folder.cleanup)
        tree = pathlib.Path(folder.name) / "tree"
        install(tree)
        configuration = (tree / "etc/windlass/worker.toml").read_text()
        self.assertIn("# allow_weaker = []", configuration)
        (tree / "etc/windlass/worker.toml").write_text(
            configuration.replace("# allow_weaker = []", f"allow_weaker = {json.dumps(ALLOW_WEAKER)}")
            .replace("# drain_ms = 30000", "drain_ms = 1000"))
        self.tree = tree
        self.machine = Machine()
        self.addCleanup(self.machine.stop)

    def change(self, file, before, after):
        path = self.tree / "etc/windlass" / file
        text = path.read_text()
        self.assertIn(before, text)
        path.write_text(text.replace(before, after))

    def boot(self):
        machine = self.machine
        machine.boot(self.tree)
        machine.run("systemd-sysusers", "windlass-server.conf")
        machine.run("systemd-tmpfiles", "--create", "windlass-server.conf", "windlass-worker.conf")
        self.assertEqual(machine.run("stat", "-c", "%a %U:%G", "/etc/windlass/windlass.toml").strip(), "640 root:windlass")
        machine.run("systemctl", "daemon-reload")

    def boot_and_enable(self):
        machine = self.machine
        self.boot()
        try:
            machine.run("systemctl", "enable", "--now", *SERVICES)
        except AssertionError as error:
            self.fail(f"{error}\n{self.journal()}")
        for service in SERVICES:
            self.assertTrue(self.active_pid(service), self.journal())
        self.token = machine.read("/var/lib/windlass/admin/admin.token")

    def active_pid(self, service):
        state = self.machine.show(service, "ActiveState", "MainPID", "Result")
        if state["ActiveState"] == "failed":
            self.fail(f"{service} failed: {state}\n{self.journal()}")
        return state["MainPID"] if state["ActiveState"] == "active" else None

    def journal(self):
        return self.machine.run("journalctl", "-b", "--no-pager", "-o", "short-monotonic", *[f"-u{s}" for s in SERVICES])

    def http(self, method, path, body=None):
        words = ["curl", "-sS", "-X", method, "-H", f"Authorization: Bearer {self.token}", "-w", "\n%{http_code}"]
        if body is not None:
            words += ["-d", json.dumps(body)]
        text, _, status = self.machine.run(*words, f"http://127.0.0.1:8080{path}", check=False).rpartition("\n")
        return int(status or 0), text

    def run_job(self, word, **more):
        """Submits a job and checks its result. What it leaves running belongs to another user, and must be ended.

        503 while the api finds the scheduler again: a client would try again as well.
        """
        job = {"code": "", "data": word, "running_commands": "sleep 1000 & cat data && id -u", **more}

        def accepted():
            status, text = self.http("POST", "/api/jobs/submit/", job)
            return (status, text) if status not in (0, 503) else None

        status, text = wait_for("a job to be accepted", accepted)
        self.assertEqual(status, 200, text)
        identity = json.loads(text)["id"]

        def ended():
            status, text = self.http("GET", f"/api/results/{identity}/?wait=5")
            return json.loads(text)["results"] if status == 200 and json.loads(text)["results"] else None

        results = wait_for("the result of the job", ended, 45)
        self.assertEqual((results["outcome"], results.get("exit_code")), ("exited", 0), results)
        self.assertRegex(results["stdout"], f"^{word}2000[0-9][0-9]\n")  # ran as a slot's user, not as root
        return results["stdout"]

    def test_init_sets_up_a_site_and_the_second_time_changes_nothing(self):
        (self.tree / "etc/windlass/windlass.toml").unlink()
        machine = self.machine
        machine.boot(self.tree)
        machine.run("systemd-sysusers", "windlass-server.conf")
        machine.run("systemd-tmpfiles", "--create", "windlass-server.conf", "windlass-worker.conf")
        machine.run("systemctl", "daemon-reload")
        # Of docs/operating.md, as root with a home of its own.
        windlass = ("env", "HOME=/run/root", "windlass")
        said = machine.run(*windlass, "init")
        self.assertEqual([line.split()[0] for line in said.split("Next:\n")[1].splitlines()], ["systemctl", "windlass", "windlass"])
        self.assertEqual(machine.run("stat", "-c", "%a %U %G", "/etc/windlass/windlass.toml").strip(), "640 root windlass")
        self.assertEqual(machine.run("stat", "-c", "%a %U", "/var/lib/windlass").strip(), "700 windlass")
        before = machine.run("bash", "-c", "cat /etc/windlass/windlass.toml /var/lib/windlass/admin/admin.* /run/root/.config/windlass/credentials")
        try:
            machine.run("systemctl", "enable", "--now", *SERVICES)
        except AssertionError as error:
            self.fail(f"{error}\n{self.journal()}")
        self.assertEqual(machine.run(*windlass, "run", "--", "echo hello"), "hello\n")
        again = machine.run(*windlass, "init")
        self.assertNotIn("made", again)
        self.assertEqual(machine.run("bash", "-c", "cat /etc/windlass/windlass.toml /var/lib/windlass/admin/admin.* /run/root/.config/windlass/credentials"), before)
        found = json.loads(machine.run(*windlass, "--json", "doctor", check=False))["findings"]
        said = {one["about"]: one["result"] for one in found if one["about"] in ("server", "ready", "login", "database", "configuration")}
        self.assertEqual(set(said.values()), {"ok"}, found)
        # It looked at the database as the user whose it is.
        self.assertEqual(machine.run("bash", "-c", "stat -c %U /var/lib/windlass/windlass.db*").split(), ["windlass"] * len(machine.run("bash", "-c", "ls /var/lib/windlass/windlass.db*").split()))
        machine.run("systemctl", "stop", *reversed(SERVICES))

    def test_jobs_run_whatever_is_killed_and_the_units_stop_cleanly(self):
        machine = self.machine
        self.boot_and_enable()
        for service, user in (("windlass-scheduler", "windlass"), ("windlass-api", "windlass"), ("windlass-worker", "root")):
            self.assertEqual(machine.run("stat", "-c", "%U", f"/proc/{self.active_pid(service)}").strip(), user)
        self.assertEqual(machine.run("stat", "-c", "%a %U", "/var/lib/windlass").strip(), "700 windlass")
        self.run_job("first ")

        for service in SERVICES:
            before = self.active_pid(service)
            machine.run("kill", "-9", before)
            wait_for(f"{service} to be started again",
                     lambda s=service, b=before: self.active_pid(s) not in (None, b))
            self.assertEqual(machine.show(service, "NRestarts")["NRestarts"], "1")
            self.run_job(f"after {service} ")

        # What the worker's boxes need is to be seen from inside its unit: a cgroup beside its own that can be written to, and that has been
        # there since the first worker.
        worker = self.active_pid("windlass-worker")
        group = "/sys/fs/cgroup/windlass.slice/windlass-jobs.slice/windlass-boxes.service"
        machine.run("nsenter", "-t", worker, "-m", "test", "-w", group, "-a", "-w", f"{group}/cgroup.subtree_control")
        self.assertEqual(machine.show("windlass-boxes", "ActiveState", "NRestarts"), {"ActiveState": "active", "NRestarts": "0"})

        # A job that outlasts the drain is handed back; it does not hold up the stop.
        job = {"code": "", "data": "", "running_commands": "sleep 300"}
        identity = json.loads(self.http("POST", "/api/jobs/submit/", job)[1])["id"]
        wait_for("the long job to run",
                 lambda: json.loads(self.http("GET", f"/api/jobs/{identity}/")[1])["status"] == "running")
        begin = time.monotonic()
        machine.run("systemctl", "stop", *reversed(SERVICES))
        self.assertGreaterEqual(time.monotonic() - begin, 1.0)
        self.assertLess(time.monotonic() - begin, PATIENCE)
        for service in SERVICES:
            state = machine.show(service, "ActiveState", "Result", "ExecMainCode", "ExecMainStatus")
            self.assertEqual(state, {"ActiveState": "inactive", "Result": "success", "ExecMainCode": "1", "ExecMainStatus": "0"},
                             f"{service}\n{self.journal()}")
        # Only the kills above may have gone wrong.
        journal = self.journal()
        self.assertNotRegex(journal, r"Z error \[", journal)
        for complaint in ("timed out", "left-over process", "Failed to ", "Unknown "):
            self.assertNotIn(complaint, journal, journal)
        self.assertEqual(journal.count("Failed with result 'signal'"), len(SERVICES), journal)
        self.assertEqual(journal.count("Failed with result"), len(SERVICES), journal)
        self.assertEqual(machine.run("pgrep", "-c", "windlass", check=False).strip(), "0")

    def test_a_daemon_that_stands_still_is_started_again(self):
        machine = self.machine
        for service in SERVICES:
            folder = self.tree / f"etc/systemd/system/{service}.service.d"
            folder.mkdir(parents=True)
            (folder / "impatient.conf").write_text("[Service]\nWatchdogSec=6s\n")
        self.boot_and_enable()
        before = {service: self.active_pid(service) for service in SERVICES}
        for pid in before.values():
            machine.run("kill", "-STOP", pid, check=False)
        for service in SERVICES:
            wait_for(f"{service} to be started again",
                     lambda s=service: self.active_pid(s) not in (None, before[s]), 90)
            self.assertIn(f"{service}.service: Failed with result 'watchdog'", self.journal())
        self.run_job("after all of them ")

    def test_a_reload_drops_nothing_and_takes_over_what_it_can(self):
        self.boot_and_enable()
        machine = self.machine
        job = {"code": "", "data": "", "running_commands": "sleep 1000"}
        before = {service: self.active_pid(service) for service in SERVICES}
        identity = json.loads(self.http("POST", "/api/jobs/submit/", job)[1])["id"]
        wait_for("the job to run", lambda: json.loads(self.http("GET", f"/api/jobs/{identity}/")[1])["status"] == "running")
        for file in ("windlass.toml", "worker.toml"):
            machine.run("sed", "-i", 's/^# level = "info"/level = "debug"/', f"/etc/windlass/{file}")
        machine.run("sed", "-i", "s/^# lease_ttl_ms = 15000/lease_ttl_ms = 30000/", "/etc/windlass/windlass.toml")
        for service in SERVICES:
            machine.run("systemctl", "reload", service)
            wait_for(f"{service} to say that it has read its settings again",
                     lambda s=service: "the configuration was read again" in machine.run("journalctl", f"-u{s}", "-o", "cat"))
            wait_for(f"{service} to be active", lambda s=service: self.active_pid(s))
        self.assertEqual({service: self.active_pid(service) for service in SERVICES}, before)
        self.assertIn("this needs a new start: scheduler.lease_ttl_ms", self.journal())
        self.run_job("after the reload ")
        self.assertEqual(json.loads(self.http("GET", f"/api/jobs/{identity}/")[1])["status"], "running")
        machine.run("sed", "-i", "s/^level = .*/level = loud/", "/etc/windlass/worker.toml")
        machine.run("systemctl", "reload", "windlass-worker")
        wait_for("the worker to complain", lambda: "the settings stay as they were" in machine.run(
            "journalctl", "-uwindlass-worker", "-o", "cat"))
        self.assertEqual(self.active_pid("windlass-worker"), before["windlass-worker"])

    def test_secrets_are_handed_over_as_credentials(self):
        credentials = self.tree / "etc/credstore"
        credentials.mkdir(mode=0o700)
        for name, text in (("windlass.database.url", "sqlite:/var/lib/windlass/elsewhere.db\n"),
                           ("windlass.scheduler.secret_file", "hunter2 hunter2 hunter2\n")):
            (credentials / name).write_text(text)
            (credentials / name).chmod(0o600)
        self.boot_and_enable()
        self.run_job("with credentials ")
        machine = self.machine
        self.assertIn("/var/lib/windlass/elsewhere.db", machine.run("find", "/var/lib/windlass", "-name", "*.db"))
        self.assertNotIn("windlass.db\n", machine.run("find", "/var/lib/windlass", "-name", "*.db"))
        self.assertNotIn("hunter2", self.journal())
        for service in SERVICES:
            environment = machine.run("cat", f"/proc/{self.active_pid(service)}/environ")
            self.assertIn("CREDENTIALS_DIRECTORY=", environment)
            self.assertNotIn("hunter2", environment)

    def test_the_api_is_started_again_without_refusing_a_connection(self):
        socket_unit = self.tree / "usr/lib/systemd/system/windlass-api.socket"
        socket_unit.write_text(socket_unit.read_text().replace("127.0.0.1:8080", "127.0.0.1:443"))
        self.boot()
        machine = self.machine
        machine.run("systemctl", "enable", "--now", "windlass-api.socket")
        self.assertFalse(self.active_pid("windlass-api"))
        asked = ["curl", "-sS", "--max-time", "30", "http://127.0.0.1:443/healthz"]
        self.assertEqual(machine.run(*asked), "ok\n")  # the first client starts it
        first = self.active_pid("windlass-api")
        machine.run("systemctl", "kill", "--signal=KILL", "windlass-api")
        self.assertEqual(machine.run(*asked), "ok\n")
        self.assertNotIn(wait_for("the api to be active", lambda: self.active_pid("windlass-api")), (None, first))

    @unittest.skipUnless(os.path.exists("/usr/bin/slirp4netns") and os.path.exists("/usr/sbin/nft"),
                         "slirp4netns or nft is missing (packages slirp4netns, nftables)")
    def test_jobs_have_a_network_with_the_drop_in_for_it(self):
        add_network_drop_in(self.tree)
        self.change("worker.toml", '# network = "none"', 'network = "full"')
        self.change("windlass.toml", "# network_full = []", 'network_full = ["everybody"]')
        # However busy this machine is, a worker that is started again is back before the leases end.
        self.change("windlass.toml", "# lease_ttl_ms = 15000", "lease_ttl_ms = 60000")
        self.boot_and_enable()
        devices = "sleep 1000 & cat data && id -u && cat /proc/net/dev"
        self.assertIn("net0:", self.run_job("with ", network="full", running_commands=devices))
        self.assertNotIn("net0:", self.run_job("without ", running_commands=devices))
        self.check_a_network_outlives_the_worker()
        self.machine.run("systemctl", "stop", *reversed(SERVICES))
        self.assertEqual(self.machine.run("pgrep", "-c", "windlass|slirp4netns", check=False).strip(), "0")


    def check_a_network_outlives_the_worker(self):
        gate = "/usr/lib/windlass-gate"  # jobs see this, too
        job = {"code": "", "data": "", "network": "full",
               "running_commands": f"until [ -e {gate} ]; do sleep 0.1; done; cat /proc/net/dev"}
        identity = json.loads(self.http("POST", "/api/jobs/submit/", job)[1])["id"]
        wait_for("the job to run", lambda: json.loads(self.http("GET", f"/api/jobs/{identity}/")[1])["status"] == "running")
        before = self.active_pid("windlass-worker")
        self.machine.run("kill", "-9", before)
        wait_for("the worker to be started again", lambda: self.active_pid("windlass-worker") not in (None, before), 60)
        self.assertIn("took over 1 boxes of the former worker", self.journal())
        self.machine.run("touch", gate)

        def ended():
            status, text = self.http("GET", f"/api/results/{identity}/?wait=5")
            return json.loads(text)["results"] if status == 200 and json.loads(text)["results"] else None

        results = wait_for("the result of the job", ended, 45)
        self.assertIn("net0:", results["stdout"], results)
        self.assertEqual(len(json.loads(self.http("GET", f"/api/jobs/{identity}/attempts/")[1])), 1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # an exception: the clean-ups run
    program = unittest.main(exit=False, verbosity=2)
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if program.result.skipped else 0)
