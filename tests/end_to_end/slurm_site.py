"""A Slurm of its own for tests: Debian's munged, slurmctld and slurmd on loopback, in a private directory, with nothing
of the machine's own Slurm touched. Started and ended by process id; slurmd, which kills processes, in a process namespace
of its own.

    site = slurm_site.SlurmSite(prolog="/path/to/prolog", epilog="/path/to/epilog")
    job = site.sbatch("#!/bin/sh\nexit 3\n", "--job-name=three")
    site.wait(job)["ExitCode"]      # "3:0"
    site.close()

Needs root (slurmd starts other people's jobs) and the packages slurmctld, slurmd, slurm-client and munge: missing() says
what is not there.
"""

import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import harness

PROGRAMS = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "unshare": "util-linux",
}
SEARCHED = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
OVER = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE", "PREEMPTED"}


def missing():
    """Why no Slurm can be started here, as a sentence; empty: it can."""
    packages = sorted({package for name, package in PROGRAMS.items() if shutil.which(name, path=SEARCHED) is None})
    if packages:
        return "not installed: apt-get install " + " ".join(packages)
    if os.geteuid() != 0:
        return "Slurm's daemons are started by root alone"
    return ""


def user_namespaces_refused(user):
    """Why `user` can have no user namespace of its own here; empty: it can."""
    made = subprocess.run(["runuser", "-u", user, "--", "unshare", "--user", "--map-current-user", "true"], capture_output=True)
    return "" if made.returncode == 0 else f"no user namespaces here: {made.stderr.decode().strip()}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class SlurmSite:
    """One controller and one node with `cpus` processors, whatever the machine has."""

    def __init__(
        self, prolog=None, epilog=None, cluster="alpha", cpus=4, partitions=("compute", "short"), memory_mb=None, gpus=0,
        gathers=False, kill_wait_s=1,
    ):
        # Short, for the socket's path; and readable: jobs of others have their files here.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="windlass-slurm-"))
        self.directory.chmod(0o755)
        self.cluster = cluster
        self.node = "node01"
        self.memory_mb = memory_mb  # of the node, as Slurm is to believe it has; jobs may then ask for memory
        self.gathers = gathers  # what jobs use
        self.kill_wait_s = kill_wait_s  # between TERM and KILL of one that is cancelled
        self.gpus = gpus  # files that stand for devices
        self.processes = {}
        self.config = self.directory / "slurm.conf"
        for name in ("state", "spool", "work", "munge"):
            (self.directory / name).mkdir()
        (self.directory / "work").chmod(0o1777)
        (self.directory / "munge").chmod(0o755)
        key = self.directory / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self.ports = free_port(), free_port()
        self._write_config(prolog, epilog, cpus, partitions)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def _write_config(self, prolog, epilog, cpus, partitions):
        more = f" RealMemory={self.memory_mb}" if self.memory_mb else ""
        if self.gpus:
            more += f" Gres=gpu:{self.gpus}"
            for number in range(self.gpus):
                (self.directory / f"gpu{number}").touch()
            devices = f"{self.directory}/gpu[0-{self.gpus - 1}]"
            (self.directory / "gres.conf").write_text(f"NodeName={self.node} Name=gpu File={devices}\n")
        scripts = [f"PrologSlurmctld={prolog}" if prolog else "", f"EpilogSlurmctld={epilog}" if epilog else ""]
        # This version cannot do without a cgroup plugin; with these settings it has nothing to do.
        (self.directory / "cgroup.conf").write_text(f"CgroupPlugin=cgroup/v1\nCgroupMountpoint={self.directory}/cgroup\n")
        self.config.write_text(
            f"""ClusterName={self.cluster}
SlurmctldHost={socket.gethostname()}(127.0.0.1)
SlurmctldPort={self.ports[0]}
SlurmdPort={self.ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={self.directory}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={self.directory}/state
SlurmdSpoolDir={self.directory}/spool
SlurmctldPidFile={self.directory}/slurmctld.pid
SlurmdPidFile={self.directory}/slurmd.pid
SlurmctldLogFile={self.directory}/slurmctld.log
SlurmdLogFile={self.directory}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/{'linux' if self.gathers else 'none'}
JobAcctGatherFrequency=task=1
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait={self.kill_wait_s}
MinJobAge=3600
NodeName={self.node} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 CPUs={cpus}{more} State=UNKNOWN
"""
            + "".join(
                f"PartitionName={name} Nodes={self.node} MaxTime=INFINITE State=UP{' Default=YES' if at == 0 else ''}\n"
                for at, name in enumerate(partitions)
            )
            + "".join(f"{line}\n" for line in scripts if line)
            + ("GresTypes=gpu\n" if self.gpus else "")
        )

    def _environment(self):
        return {"PATH": SEARCHED, "SLURM_CONF": str(self.config), "LC_ALL": "C.UTF-8"}

    def _spawn(self, name, *command):
        with open(self.directory / f"{name}.out", "ab") as log:
            self.processes[name] = subprocess.Popen(
                [*map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=self._environment(),
                start_new_session=True,
            )

    def start(self):
        """All that does not run."""
        if not self.runs("munged"):
            munge = self.directory / "munge"
            files = (f"--{kind}={munge}/{kind.split('-')[0]}" for kind in ("key-file", "log-file", "pid-file", "seed-file"))
            self._spawn("munged", "munged", "--foreground", "--force", f"--socket={munge}/socket", *files)
            self._until(lambda: (munge / "socket").exists(), "munged listens", "munged")
        if not self.runs("slurmctld"):
            self._spawn("slurmctld", "slurmctld", "-D", "-f", self.config)
            self._until(lambda: self.run("scontrol", "ping", check=False).returncode == 0, "slurmctld answers", "slurmctld")
        if not self.runs("slurmd"):
            isolated = ["unshare", "--pid", "--mount-proc", "--fork", "--kill-child"]
            self._spawn("slurmd", *isolated, "slurmd", "-D", "-f", self.config, "-N", self.node)
            self._until(lambda: self.node_state().startswith(("IDLE", "MIXED", "ALLOC")), "the node is up", "slurmd")

    def _until(self, condition, what, name):
        def holds():
            if not self.runs(name):
                raise AssertionError(f"{name} has ended")
            return condition()

        try:
            harness.until(holds, what)
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n{self.logs()}") from None

    def runs(self, name):
        return name in self.processes and self.processes[name].poll() is None

    def end(self, name, number=signal.SIGTERM):
        """Ends one daemon; with slurmd go its jobs."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self):
        # unshare hands no signal on; killed, it takes all of its namespace with it.
        self.end("slurmd", signal.SIGKILL)
        self.end("slurmctld")
        self.end("munged")
        shutil.rmtree(self.directory, ignore_errors=True)

    def logs(self):
        return "".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in [*sorted(self.directory.glob("*.out")), *sorted(self.directory.glob("*.log"))]
        )

    # What a person does at the command line.

    def run(self, program, *arguments, check=True, user=None, text=None):
        done = subprocess.run(
            [program, *map(str, arguments)],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
            cwd=self.directory / "work",
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            check=False,
            timeout=harness.PATIENCE,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{program} {arguments}: {done.returncode} {done.stdout}\n{self.logs()}")
        return done

    def sbatch(self, script, *options, user=None):
        """Submits and returns the number of the job (of an array: the first)."""
        said = self.run("sbatch", "--parsable", *options, text=script, user=user).stdout
        return int(re.match(r"(\d+)", said.strip().splitlines()[-1]).group(1))

    def node_state(self):
        return self._fields(self.run("scontrol", "-o", "show", "node", self.node, check=False).stdout).get("State", "")

    def job(self, number):
        """What `scontrol show job` says, by name."""
        return self._fields(self.run("scontrol", "-o", "show", "job", number).stdout)

    def tasks(self, number):
        """The same for each task of an array."""
        return [self._fields(line) for line in self.run("scontrol", "-o", "show", "job", number).stdout.splitlines() if line]

    @staticmethod
    def _fields(line):
        return dict(re.findall(r"(\S+?)=(\S*)", line))

    def wait(self, number, states=None):
        """The job once it is over, or in one of these states."""
        wanted = states or OVER

        def reached():
            job = self.job(number)
            return job if job.get("JobState") in wanted else None

        try:
            return harness.until(reached, f"Slurm's job {number} is {' or '.join(sorted(wanted))}")
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n{self.job(number)}\n{self.logs()}") from None
