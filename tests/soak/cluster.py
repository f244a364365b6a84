"""A whole site of its own for the soak: PostgreSQL, two schedulers, two apis, three workers, and the network between
them (proxy.py). Everything lies below one directory; sockets are Unix sockets; nothing listens on a port.

The site is also the service manager: what ends is started again. Why it ended must be known: a fault says beforehand
whom it will end (`excuse`), a scheduler that lost the lead ends with status 3, and everything else breaks I12.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import harness
from daemon import Daemon

import plan

HERE = pathlib.Path(__file__).resolve().parent
JOURNAL_OF_JOBS = pathlib.Path("/usr/local/src")  # a tmpfs of ours there, in our own mount namespace
FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
SLOTS = 4
DEPOSED = 3  # exit status of a scheduler that found its epoch passed


def tmpfs(path, size, mode="0755"):
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode={mode}", "soak", str(path)], check=True)


def resize(path, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", str(path)], check=True, capture_output=True)


def used_bytes(path):
    stat = os.statvfs(path)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


class SoakedDaemon(Daemon):
    def __init__(self, site, name, program, environment):
        super().__init__(name, program, site.directory, environment)
        self.excuse = None  # the fault that may end it
        self.held_down = False  # a fault wants it to stay away for a while
        self.started_at = 0.0

    def start(self):
        super().start()
        self.started_at = time.monotonic()
        return self

    @property
    def pid(self):
        return self.process.pid

    def send(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def use(self):
        """Memory in KiB and open descriptors; None while it is not there."""
        try:
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            return (
                int(re.search(r"VmRSS:\s+(\d+)", status)[1]),
                len(os.listdir(f"/proc/{self.pid}/fd")),
            )
        except (OSError, TypeError):
            return None


class Postgres(harness.PostgreSQL):
    """On a tmpfs of its own, whose size a fault can take away."""

    def __init__(self, directory, size):
        self.size, self.asked = size, threading.Lock()
        super().__init__(directory)

    def run(self, program, *arguments):
        if program == "initdb":
            tmpfs(self.directory / "disk", self.size)
            shutil.chown(self.directory / "disk", self.user, self.user)
            self.cluster = self.directory / "disk" / "cluster"
            arguments = [self.cluster if str(one).endswith("/cluster") else one for one in arguments]
            done = super().run(program, *arguments)
            with open(self.cluster / "postgresql.conf", "a") as settings:
                settings.write("max_wal_size = 128MB\nmax_connections = 60\n")
            return done
        return super().run(program, *arguments)

    def try_rows(self, query):
        """None while the server is away."""
        try:
            return self.rows(query)
        except AssertionError:
            return None

    def leave(self, number):
        """SIGINT is a fast shutdown, SIGQUIT an immediate one."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()

    def close(self):
        super().close()
        subprocess.run(["umount", "-l", str(self.directory / "disk")], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


class Site:
    def __init__(self, directory, seed, operator, minutes):
        self.directory, self.operator = pathlib.Path(directory), operator
        self.closing = contextlib.ExitStack()
        self.violations = []  # of I12: what ended without a reason
        self.lock = threading.RLock()
        self.ending = False
        self.highest_use = {}
        tmpfs(JOURNAL_OF_JOBS, "1m")
        self.journal = subprocess.Popen(
            [sys.executable, str(HERE / "node_journal.py"), str(JOURNAL_OF_JOBS / "soak-journal"), str(self.directory / "jobs.jsonl")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.journal.stdout.readline()
        self.proxy = subprocess.Popen(
            [sys.executable, str(HERE / "proxy.py"), str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.database = Postgres(directory, f"{1024 + 96 * minutes}m")
        self.closing.callback(self.database.close)
        self.has_faketime = FAKETIME.exists() and not os.environ.get("WINDLASS_SOAK_REAL_CLOCKS")
        self.make_links()
        self.make_daemons()

    # ---- the network

    def order(self, **order):
        with self.lock:
            self.proxy.stdin.write(json.dumps(order).encode() + b"\n")
            self.proxy.stdin.flush()
            return json.loads(self.proxy.stdout.readline())

    def make_links(self):
        for name in plan.SCHEDULERS + plan.APIS:
            (self.directory / f"db-{name}").mkdir()
            self.order(
                do="open",
                link=f"db {name}",
                listen=str(self.directory / f"db-{name}" / ".s.PGSQL.5432"),
                connect=str(self.database.directory / ".s.PGSQL.5432"),
                speaks="postgres",
            )
        for name in plan.WORKERS + plan.APIS:
            for scheduler in plan.SCHEDULERS:
                self.order(
                    do="open",
                    link=f"{name} {scheduler}",
                    listen=str(self.directory / f"{name}.{scheduler}"),
                    connect=str(self.directory / f"{scheduler}.sock"),
                    speaks="wire",
                )

    def links_of(self, name):
        return [f"{name} {scheduler}" for scheduler in plan.SCHEDULERS]

    # ---- the daemons

    def database_url(self, name):
        return (
            f"postgresql:///windlass?host={self.directory}/db-{name}&user={self.database.role}"
            f"&options=-csoak.writer%3D{name}"
        )

    def make_daemons(self):
        self.daemons = {}
        unique = os.urandom(4).hex()
        (self.directory / "credentials").mkdir(mode=0o700)
        for name in plan.SCHEDULERS:
            self.add(
                name,
                "scheduler",
                WINDLASS_DATABASE_URL=self.database_url(name),
                WINDLASS_SCHEDULER_STANDBY="true",
                WINDLASS_SCHEDULER_LISTEN=f"unix:{self.directory}/{name}.sock",
                # A job that met every fault of a long run is no reason to give it up.
                WINDLASS_SCHEDULER_CRASH_LIMIT="100",
            )
        for name in plan.APIS:
            self.add(
                name,
                "api",
                WINDLASS_DATABASE_URL=self.database_url(name),
                WINDLASS_SCHEDULER_DIAL=self.dials(name),
                WINDLASS_API_LISTEN=f"unix:{self.directory}/{name}.http",
                WINDLASS_API_CREDENTIALS_DIRECTORY=str(self.directory / "credentials"),
                WINDLASS_API_SPOOL_DIRECTORY=str(self.directory),
            )
        for number, name in enumerate(plan.WORKERS, 1):
            tmpfs(self.directory / name, "64m", "0700")
            self.add(
                name,
                "worker",
                WINDLASS_SCHEDULER_DIAL=self.dials(name),
                WINDLASS_WORKER_NAME=f"soak-{unique}-{number}",
                WINDLASS_WORKER_STATE_DIRECTORY=str(self.directory / name),
                WINDLASS_WORKER_SLOTS=str(SLOTS),
                WINDLASS_WORKER_MEMORY_BYTES=str(8 << 30),
                WINDLASS_WORKER_PREFETCH="8",
                WINDLASS_WORKER_FIRST_UID=str(self.first_uid(name)),
                WINDLASS_WORKER_DRAIN_MS="2000",
                WINDLASS_WORKER_KILL_GRACE_MS="1000",
                WINDLASS_WORKER_ADOPT=str(name in plan.ADOPTING).lower(),
                WINDLASS_WORKER_DISK_LOW_BYTES=str(4 << 20),  # of 64 MiB
            )

    def first_uid(self, name):
        return 300_000 + 1_000 * (1 + plan.WORKERS.index(name))

    def dials(self, name):
        return ",".join(f"unix:{self.directory}/{name}.{scheduler}" for scheduler in plan.SCHEDULERS)

    def add(self, name, program, **environment):
        if self.has_faketime:
            (self.directory / f"clock-{name}").write_text("+0\n")
            environment |= {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self.directory / f"clock-{name}"),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DISABLE_SHM": "1",
                "FAKETIME_DONT_RESET": "1",
            }
        self.daemons[name] = SoakedDaemon(self, name, program, environment)

    def start(self):
        ready = {"scheduler": r"listening on|standing by; .* leads", "api": "listening on", "worker": "connected to the"}
        for name, daemon in self.daemons.items():
            daemon.start()
            harness.until(lambda: self.must_run(daemon).said(ready[daemon.program]), f"{name} is ready")
            if name == plan.SCHEDULERS[1]:
                self.stamp_events()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def must_run(self, daemon):
        if not daemon.runs():
            raise AssertionError(f"{daemon.name} ended with {daemon.process.returncode}:\n{daemon.tail()}")
        return daemon

    def stamp_events(self):
        """Each event gets the database's own time, the epoch as it then was, and who wrote it: what no daemon says."""
        self.database.change(
            """
            create schema soak;
            create table soak.stamp (n bigserial primary key, at_s double precision, writer text, epoch bigint,
                                     job bigint, seq bigint, move int, attempt bigint, worker bigint);
            create function soak.stamp() returns trigger language plpgsql as $$ begin
                insert into soak.stamp (at_s, writer, epoch, job, seq, move, attempt, worker)
                select extract(epoch from clock_timestamp()), current_setting('soak.writer', true),
                       (select epoch from public.scheduler_epoch), job, seq, move, attempt, worker
                from fresh;
                return null;
            end $$;
            create trigger soak_stamp after insert on job_event referencing new table as fresh
                for each statement execute function soak.stamp()
            """
        )

    def watch(self):
        """The service manager."""
        look = 0
        while not self.ending:
            time.sleep(0.05)
            with self.lock:
                for daemon in self.daemons.values():
                    if not self.ending and not daemon.runs() and not daemon.held_down:
                        self.ended(daemon)
                        daemon.start()
                look += 1
                if look % 20 == 0:
                    self.look_at_use()

    def ended(self, daemon):
        status = daemon.process.returncode
        deposed = daemon.program == "scheduler" and status == DEPOSED
        reason = daemon.excuse or ("it lost the lead" if deposed else None)
        daemon.excuse = None
        self.operator.write(daemon=daemon.name, ended=status, because=reason)
        if reason is None:
            self.violations.append(f"I12: {daemon.name} ended with {status} and nobody had done anything to it:\n{daemon.tail(1500)}")

    def look_at_use(self):
        for daemon in self.daemons.values():
            use = daemon.use()
            if use:
                self.operator.write(use=daemon.name, kib=use[0], descriptors=use[1])

    def leader(self):
        """Which scheduler leads now: the one that said so last. None while nobody does."""
        leading = [self.daemons[name] for name in plan.SCHEDULERS if self.daemons[name].runs()]
        leading = [one for one in leading if one.said("listening on")]
        return max(leading, key=lambda one: one.log.stat().st_mtime).name if leading else None

    def admin_token(self):
        return (self.directory / "credentials" / "admin.token").read_text().strip()

    def stop(self):
        self.ending = True
        with self.lock:
            for daemon in reversed(list(self.daemons.values())):
                if daemon.runs():
                    daemon.send(signal.SIGCONT)
                    daemon.send(signal.SIGTERM)
                    try:
                        daemon.process.wait(harness.PATIENCE)
                    except subprocess.TimeoutExpired:
                        self.violations.append(f"I12: {daemon.name} did not end when told to:\n{daemon.tail()}")
                        daemon.process.kill()
                        daemon.process.wait()
        self.journal.stdin.close()
        self.journal.wait()
        self.proxy.stdin.close()
        self.proxy.wait()
        self.closing.close()
        for name in plan.WORKERS:
            subprocess.run(["umount", "-l", str(self.directory / name)], check=False)
