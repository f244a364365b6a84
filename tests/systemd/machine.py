"""A booted systemd around an overlay of this machine's root, see machine.sh, and what tests want of it."""
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NAME = "windlass-systemd-test-"
PATIENCE = 20  # seconds until something that takes well under one is called broken


def why_not_booting():
    """A sentence, or an empty string."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/curl"):
        if not os.path.exists(program):
            return f"{program} is missing (packages systemd, util-linux, curl)"
    if cgroup_tree() is None:
        return "no cgroup v2 tree is mounted"
    if not os.access(cgroup_tree(), os.W_OK):
        return f"{cgroup_tree()} cannot be written to"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--cgroup", "--net", "--ipc", "--uts", "--fork", "--propagation", "private", "bash", "-ec",
         "mount -t tmpfs t /mnt && cd /mnt && mkdir u w r && mount -t overlay -o lowerdir=/,upperdir=u,workdir=w o r"],
        capture_output=True, text=True)
    return f"this machine does not let us mount: {tried.stderr.strip()}" if tried.returncode else ""


def cgroup_tree():
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        words = line.split()
        if words[2] == "cgroup2":
            return pathlib.Path(words[1])
    return None


def die_with_the_test():
    """In the child: even a test that is killed leaves no machine behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Machine:
    """A booted systemd. Always stop() it."""

    def __init__(self):
        self.sweep()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-"))
        self.cgroup = cgroup_tree() / self.scratch.name
        self.process = None
        self.pid = None
        self.console = open(self.scratch.with_suffix(".log"), "w+")

    @staticmethod
    def sweep():
        """A test that was killed outright took its machine with it, but left its directories."""
        def left_in(folder):
            return [path for path in pathlib.Path(folder).glob(f"{NAME}*")
                    if not os.path.exists(f"/proc/{path.name[len(NAME):].split('-')[0]}")]
        for path in left_in(tempfile.gettempdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in left_in(cgroup_tree()):
            for folder, _, _ in os.walk(path, topdown=False):
                os.rmdir(folder)

    def boot(self, overlay):
        self.cgroup.mkdir()
        self.process = subprocess.Popen(
            ["bash", HERE / "machine.sh", self.scratch, self.cgroup, overlay], stdin=subprocess.DEVNULL, stdout=self.console,
            stderr=self.console, start_new_session=True, preexec_fn=die_with_the_test)
        self.pid = wait_for("PID 1 to answer", self.first_process)
        self.run("systemctl", "is-system-running", "--wait", check=False)

    def first_process(self):
        if self.process.poll() is not None:
            raise AssertionError("the machine ended while booting:\n" + self.console_text())
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return children[0] if children and os.path.exists(f"/proc/{children[0]}/root/run/systemd/private") else None

    def run(self, *words, check=True):
        done = subprocess.run(["nsenter", "-t", self.pid, "-a", "-r", "-w", *words], capture_output=True, text=True, timeout=60)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def show(self, unit, *names):
        text = self.run("systemctl", "show", unit, *[f"--property={name}" for name in names])
        return dict(line.split("=", 1) for line in text.splitlines())

    def read(self, path):
        return self.run("cat", path).strip()

    def console_text(self):
        self.console.flush()
        return pathlib.Path(self.console.name).read_text()[-4000:]

    def stop(self):
        """Whatever happened: afterwards no process, mount or cgroup is left."""
        if self.process:
            self.process.kill()  # takes PID 1 with it, and PID 1 its namespace; mounts end with their namespace
            self.process.wait()
        if self.cgroup.exists():
            (self.cgroup / "cgroup.kill").write_text("1")
            wait_for("the cgroup to empty", lambda: "populated 0" in (self.cgroup / "cgroup.events").read_text())
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(folder)
        self.console.close()
        os.unlink(self.console.name)
        self.scratch.rmdir()


def wait_for(what, probe, patience=PATIENCE):
    """The first true value of probe(). Looks often: these things happen in other processes and tell nobody."""
    end = time.monotonic() + patience
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.02)
