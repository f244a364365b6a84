"""The Debian packages: what is in them, what lintian says, and what they do to a machine: install, upgrade, remove, purge.

The machine is a systemd booted around an overlay of this one's root (tests/systemd/machine.py): dpkg there knows the packages that
are installed here, and whatever it writes is gone afterwards.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "systemd"))
from machine import Machine, wait_for, why_not_booting  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WINDLASS_BIN", HERE.parent.parent / "build/release/bin")).parent
PACKAGES = ("windlass-server", "windlass-worker", "windlass")
SERVICES = ("windlass-scheduler", "windlass-api", "windlass-worker")
OLD, NEW = "0.0.9", "0.1.99"


def output(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def build_packages(folder, *more):
    """Returns the files by the name of their package."""
    words = ["cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip"]
    for definition in more:
        words += ["-D", definition]
    output(*words)
    shutil.rmtree(pathlib.Path(folder) / "_CPack_Packages")
    return {path.name.split("_")[0]: path for path in pathlib.Path(folder).glob("*.deb")}


def with_version(file, version, folder):
    """The same package under another version."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="windlass-packages-") as tree:
        output("dpkg-deb", "--raw-extract", file, tree)
        control = pathlib.Path(tree, "DEBIAN/control")
        control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
        output("dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, folder / f"{file.name.split('_')[0]}_{version}_amd64.deb")


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="windlass-packages-")
        cls.addClassCleanup(folder.cleanup)
        cls.files = build_packages(folder.name)

    def test_there_are_three_of_them_with_their_own_files(self):
        self.assertEqual(sorted(self.files), sorted(PACKAGES))
        listed = {}
        for package, file in self.files.items():
            for line in output("dpkg-deb", "--contents", file).splitlines():
                mode, owner, _, _, _, path, *_ = line.split()
                self.assertEqual(owner, "root/root", line)
                self.assertNotRegex(mode[1:], "^.......w|^...s|^......s", line)
                if not path.endswith("/"):
                    self.assertNotIn(path, listed, f"also in {listed.get(path)}")
                    listed[path] = package
        for path, package in {"./usr/bin/windlass-scheduler": "windlass-server", "./usr/bin/windlass-api": "windlass-server",
                              "./lib/systemd/system/windlass-api.socket": "windlass-server",
                              "./usr/bin/windlass-spawner": "windlass-worker", "./usr/bin/windlass-network": "windlass-worker",
                              "./lib/systemd/system/windlass-jobs.slice": "windlass-worker",
                              "./lib/systemd/system/windlass-boxes.service": "windlass-worker",
                              "./usr/bin/windlass": "windlass", "./usr/share/man/man1/windlass-job.1.gz": "windlass",
                              "./usr/share/bash-completion/completions/windlass": "windlass",
                              "./usr/lib/python3/dist-packages/windlass/__init__.py": "windlass"}.items():
            self.assertEqual(listed.get(path), package, path)
        page = subprocess.run(["sh", "-c", f"dpkg-deb --fsys-tarfile {self.files['windlass']} | tar -xO ./usr/share/man/man1/windlass-job.1.gz | gunzip"],
                              capture_output=True, text=True, check=True).stdout
        self.assertIn(".TH", page)
        for top in {path.split("/")[1] for path in listed}:
            self.assertIn(top, ("etc", "lib", "usr"))

    def test_they_say_what_they_need_and_what_belongs_to_the_administrator(self):
        depends = {package: output("dpkg-deb", "--field", file, "Depends") for package, file in self.files.items()}
        self.assertRegex(depends["windlass-server"], r"libpq5 .*")
        for package in PACKAGES:
            self.assertIn("libc6 (>=", depends[package])
        for package, conffile in (("windlass-server", "/etc/windlass/windlass.toml"), ("windlass-worker", "/etc/windlass/worker.toml")):
            self.assertEqual(output("dpkg-deb", "--info", self.files[package], "conffiles").split(), [conffile])

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is missing (package shellcheck)")
    def test_the_maintainers_scripts_are_plain_shell(self):
        scripts = [path for package in PACKAGES for path in (HERE.parent.parent / "packages" / package).iterdir()
                   if path.name in ("postinst", "prerm", "postrm")]
        self.assertGreater(len(scripts), 7)
        output("shellcheck", "--shell=dash", *scripts)

    @unittest.skipUnless(shutil.which("lintian"), "lintian is missing (package lintian)")
    def test_lintian_finds_no_error(self):
        output("lintian", "--fail-on", "error", "--tag-display-limit", "0", *self.files.values())


class InstalledPackages(unittest.TestCase):
    def setUp(self):
        reason = why_not_booting()
        if reason:
            self.skipTest(reason)
        folder = tempfile.TemporaryDirectory(prefix="windlass-packages-")
        self.addCleanup(folder.cleanup)
        tree = pathlib.Path(folder.name) / "tree"
        # What they need is there, and found out by the other tests.
        for file in build_packages(tree / "root/built", "CPACK_DEBIAN_PACKAGE_SHLIBDEPS=OFF").values():
            for version in (OLD, NEW):
                with_version(file, version, tree / "root" / version)
        # This machine's cgroup tree has no controllers: its worker agrees to do without (tests/systemd/units_test.py).
        drop_in = tree / "etc/systemd/system/windlass-worker.service.d"
        drop_in.mkdir(parents=True)
        (drop_in / "weaker.conf").write_text(
            "[Service]\nEnvironment=WINDLASS_WORKER_ALLOW_WEAKER=memory-limit,process-limit,cpu-limit\n")
        self.machine = Machine()
        self.addCleanup(self.machine.stop)
        self.machine.boot(tree)
        # A container's way to say that packages start nothing; this machine is to be started on.
        self.machine.run("rm", "-f", "/usr/sbin/policy-rc.d")

    def journal(self):
        return self.machine.run("journalctl", "-b", "--no-pager", "-o", "short-monotonic", *[f"-u{s}" for s in SERVICES])

    def dpkg(self, *words):
        return self.machine.run("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "dpkg", "--force-unsafe-io", *words)

    def install(self, version):
        self.dpkg("--install", *[f"/root/{version}/{package}_{version}_amd64.deb" for package in PACKAGES])

    def active_pid(self, service):
        state = self.machine.show(service, "ActiveState", "MainPID")
        return state["MainPID"] if state["ActiveState"] == "active" else None

    def wait_until_active(self):
        for service in SERVICES:
            try:
                wait_for(f"{service} to be active", lambda s=service: self.active_pid(s), 60)
            except AssertionError as error:
                self.fail(f"{error}\n{self.journal()}")

    def traces(self):
        """Where the packages and their programs might leave something."""
        return sorted(self.machine.run("find", "/etc", "/run", "/usr", "/var/lib", "-xdev", "-name", "*windlass*", "-not", "-path",
                                       "/run/systemd/*").splitlines())

    def windlass(self, *words):
        return self.machine.run("sh", "-c", 'WINDLASS_TOKEN=$(cat /var/lib/windlass/admin/admin.token) exec windlass "$@"', "sh",
                                "--url", "http://127.0.0.1:8080", *words)

    def test_a_site_is_installed_upgraded_removed_and_purged(self):
        machine = self.machine
        untouched = self.traces()
        self.install(OLD)
        self.wait_until_active()
        self.assertEqual(machine.run("stat", "-c", "%a %U:%G", "/etc/windlass/windlass.toml").strip(), "640 root:windlass")
        for service in SERVICES:
            self.assertEqual(machine.run("systemctl", "is-enabled", service).strip(), "enabled")
        self.assertEqual(self.windlass("run", "--", "echo first").strip(), "first")
        self.assertIn("first", self.windlass("job", "log", "last"))
        machine.run("env", "PYTHONSAFEPATH=1", "/usr/bin/python3", "-c", "import windlass; windlass.Site")

        # What the administrator decided outlives an upgrade: a changed conffile, and a unit that was switched off.
        machine.run("sh", "-c", "echo '# ours' >> /etc/windlass/windlass.toml")
        before = {service: self.active_pid(service) for service in SERVICES}
        boxes = self.active_pid("windlass-boxes")
        self.assertIsNotNone(boxes)
        self.install(NEW)
        self.wait_until_active()
        for service in SERVICES:
            if service != "windlass-worker":
                self.assertNotEqual(self.active_pid(service), before[service], f"{service} runs the old program")
        # The worker hands over to the new program under its process id, so that what runs goes on.
        worker = before["windlass-worker"]
        wait_for("the worker to run the new program",
                 lambda: "(deleted)" not in machine.run("readlink", f"/proc/{worker}/exe"))
        self.assertEqual(self.active_pid("windlass-worker"), worker)
        self.assertEqual(self.active_pid("windlass-boxes"), boxes, "the cgroup of what runs was taken away")
        self.assertIn("# ours", machine.read("/etc/windlass/windlass.toml"))
        self.assertIn("first", self.windlass("job", "log", "last"))
        self.assertEqual(self.windlass("run", "--", "echo second").strip(), "second")
        machine.run("systemctl", "disable", "--now", "windlass-api")
        self.install(NEW)
        self.assertEqual(machine.run("systemctl", "is-enabled", "windlass-api", check=False).strip(), "disabled")
        self.assertIsNone(self.active_pid("windlass-api"))

        # Removed: nothing runs, everything is kept. Installed again, it is as it was.
        self.dpkg("--remove", *PACKAGES)
        self.assertEqual(machine.run("pgrep", "-c", "windlass", check=False).strip(), "0")
        self.assertIsNone(self.active_pid("windlass-boxes"))
        self.assertIn("# ours", machine.read("/etc/windlass/windlass.toml"))
        self.install(NEW)
        machine.run("systemctl", "enable", "--now", "windlass-api")
        self.wait_until_active()
        self.assertIn("second", self.windlass("job", "log", "last"))

        # Purged: nothing of it is left.
        for name in ("database.url", "scheduler.secret_file", "api.tls_key_file"):
            machine.run("sh", "-c", f"echo secret > /etc/credstore/windlass.{name}")
        self.dpkg("--purge", *PACKAGES)
        self.assertEqual(machine.run("pgrep", "-c", "windlass", check=False).strip(), "0")
        self.assertEqual(machine.run("getent", "passwd", "windlass", check=False), "")
        self.assertEqual(self.traces(), untouched)
        journal = self.journal()
        self.assertNotRegex(journal, r"Z error \[|Failed with result", journal)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # an exception: the clean-ups run
    program = unittest.main(exit=False, verbosity=2)
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if program.result.skipped else 0)
