"""Real daemons for the end-to-end tests: starts `windlass dev`, talks HTTP with it, kills its daemons, cleans up.

Only Python's standard library. Everything that is started here is ended here, by process id. Nothing is waited for by
sleeping a fixed time: until() asks again until the thing itself is there, or a generous deadline has passed.
"""

import base64
import functools
import http.client
import json
import os
import pathlib
import pwd
import random
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

# Two tests at a time: their jobs are different users, or the limits of one would count the processes of the other.
FIRST_UID = str(2_000_000 + os.getpid() % 4096 * 1000)
BIN = pathlib.Path(os.environ.get("WINDLASS_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/release/bin"))
SOURCE = pathlib.Path(__file__).resolve().parents[2]
# How many times as long as usual everything may take: scripts/sanitize says so. It never changes what is checked.
SLOWNESS = float(os.environ.get("WINDLASS_SLOWNESS", "1"))
# A sanitizer keeps 256 MB that were given back, and a shadow of all the rest: how much memory a daemon holds says nothing.
MEMORY_COUNTS = "WINDLASS_SANITIZED" not in os.environ
PATIENCE = 90 * SLOWNESS  # seconds; a busy machine of two cores must not make a test fail

FINAL = {"succeeded", "failed", "timed_out", "cancelled", "lost"}
FINAL_EVENTS = {"finish", "cancel", "give_up", "expire", "settle"}
# shared/job_state.h: the numbers in job_event.move and job_state.state
FINAL_MOVES = (4, 8, 9, 10, 11)


def until(condition, what, patience=PATIENCE):
    """The first true value of condition(); it is asked again and again, never only once."""
    deadline = time.monotonic() + patience
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def tasks_of(pid):
    """Its threads; none when it has ended, also while they are listed."""
    try:
        return list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def children_of(pid):
    """Process ids of the children, by name: {"windlass-worker": 4711}."""
    found = {}
    for task in tasks_of(pid):
        try:
            for child in (task / "children").read_text().split():
                name = os.readlink(f"/proc/{child}/exe").rsplit("/", 1)[1].split(" ")[0]
                found[name] = int(child)
        except OSError:
            continue  # ended while we looked
    return found


def descendants_of(pid):
    out = []
    todo = [pid]
    while todo:
        for task in tasks_of(todo.pop()):
            try:
                found = [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                continue
            out += found
            todo += found
    return out


def processes_with(marker):
    """Ids of all processes whose command line or environment holds the marker: jobs put one into theirs."""
    wanted = marker.encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted in (entry / "cmdline").read_bytes() or wanted in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def has_ended(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@functools.cache
def weaker():
    """The protections that this machine lacks for an ordinary user: these tests are not about them. Root has them all."""
    if os.geteuid() == 0:
        return ""
    check = [str(BIN / "windlass-worker"), "--check", "--worker-state-directory", tempfile.gettempdir()]
    said = subprocess.run(check, capture_output=True, text=True, check=False).stdout
    missing = [line.split()[0] for line in said.splitlines() if " MISSING " in line]
    if "user-namespace" in missing or "network-namespace" in missing:
        raise unittest.SkipTest(f"no job can be run here as an ordinary user; run the tests as root\n{said}")
    print("not root: jobs run without " + ", ".join(missing), flush=True)
    return ",".join(missing)


class Record:
    """What clients asked and were answered, a line of JSON each, where WINDLASS_RECORD says (a file, made anew by each
    test program): windlass_judge_traffic reads it and compares with the OpenAPI document."""

    LARGEST_BODY = 256 << 10  # of a larger one it is only kept that it was there

    def __init__(self, path):
        self.file = -1
        if path:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # One write a line: threads and children of the test add to the same file.
            self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def add(self, method, target, sent, body, answer):
        if self.file < 0:
            return
        line = {
            "method": method,
            "target": target,
            "sent": list(sent.items()),
            "request": self.kept(body),
            "status": answer.status,
            "headers": answer.headers.items(),
            "answer": self.kept(answer.body),
        }
        os.write(self.file, json.dumps(line).encode() + b"\n")

    def kept(self, body):
        body = body.encode() if isinstance(body, str) else body or b""
        if len(body) > self.LARGEST_BODY:
            return None
        return base64.urlsafe_b64encode(body).decode().rstrip("=")


RECORD = Record(os.environ.get("WINDLASS_RECORD"))


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Client:
    """One person at one server. A connection per thread, opened again when it breaks."""

    def __init__(self, url, token=None):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.token = parts.hostname, parts.port, token
        self.local = threading.local()

    def once(self, method, path, body=None, headers=None, timeout=60):
        """Sends the request exactly once. OSError or HTTPException when no whole answer came."""
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        send = dict(headers or {})
        if self.token:
            send.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            send.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=send)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
            RECORD.add(method, path, {name: value for name, value in send.items() if name != "Authorization"}, body, answer)
            return answer
        except BaseException:
            connection.close()
            self.local.connection = None
            raise

    def ask(self, method, path, body=None, headers=None, timeout=60):
        """For requests that may be repeated: as long as the server is away or says "not now"."""

        def attempt():
            try:
                answer = self.once(method, path, body, headers, timeout)
            except (OSError, http.client.HTTPException):
                return None
            return None if answer.status == 503 else answer

        return until(attempt, f"{method} {path} is answered")

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body, **more):
        return self.ask("POST", path, body, **more)

    def submit(self, commands, code="", data="", **more):
        answer = self.post("/api/jobs/submit/", {"code": code, "data": data, "running_commands": commands, **more})
        if answer.status != 200:
            raise AssertionError(f"submit: {answer}")
        return answer.json["id"]

    def wait(self, job, patience=PATIENCE):
        """The job once it is final, by long polls."""

        def ended():
            answer = self.get(f"/api/jobs/{job}/?wait=10")
            if answer.status != 200:
                raise AssertionError(f"waiting for {job}: {answer}")
            return answer.json if answer.json["status"] in FINAL else None

        return until(ended, f"job {job} ends", patience)

    def result(self, job):
        answer = self.get(f"/api/results/{job}/")
        if answer.status != 200:
            raise AssertionError(f"result of {job}: {answer}")
        return answer.json["results"]


class Dev:
    """`windlass dev` on a directory of its own. `stop()` ends it; killing it ends its daemons."""

    def __init__(self, data, database=None, slots=2, extra=(), environment=None, listen="127.0.0.1:0"):
        self.data = pathlib.Path(data)
        command = [str(BIN / "windlass"), "dev", "--listen", listen, "--data", str(data), "--slots", str(slots), *extra]
        if weaker():
            command += ["--allow-weaker", weaker()]
        if database:
            command += ["--database", database]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("WINDLASS_")}
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            stdin=subprocess.DEVNULL,
            env={**clean, "WINDLASS_WORKER_FIRST_UID": FIRST_UID, **(environment or {})},
        )
        self.url = None

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def wait_ready(self):
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line.startswith("READY http://"):
            self.stop()
            raise AssertionError(f"windlass dev was not ready: {line!r}\n{self.said()}")
        self.url = line.split()[1]
        return self

    def admin(self):
        return Client(self.url, (self.data / "admin.token").read_text().strip())

    def daemons(self):
        return children_of(self.process.pid)

    def kill_daemon(self, name):
        """kill -9 of one daemon, as it runs; returns its process id."""
        program = f"windlass-{name}"
        pid = until(lambda: self.daemons().get(program), f"{program} runs")
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, name, old):
        until(lambda: self.daemons().get(f"windlass-{name}", old) != old, f"{name} is started again")

    def logs(self):
        return "".join(
            f"--- {path.name}\n" + path.read_text(errors="replace")[-3000:]
            for path in sorted(self.data.glob("log/*.log"))
        )

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"windlass dev did not end\n{self.said()}") from None
        self.process.stdout.close()
        return self.process.returncode


class Sqlite:
    """The embedded database of a `windlass dev`."""

    name = "SQLite"

    def __init__(self, directory):
        self.file = pathlib.Path(directory) / "data" / "windlass.db"
        self.url = None

    def rows(self, query):
        with sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30) as connection:
            return connection.execute(query).fetchall()

    def change(self, statement):
        """What no program does, such as making a row older than it is."""
        with sqlite3.connect(self.file, timeout=30) as connection:
            connection.execute(statement)
        connection.close()

    def close(self):
        pass


def memory_directory():
    """Where a server of a test need not wait for a disk, if there is room: what is killed in tests are processes, and
    memory keeps what they wrote as a disk does. None: nowhere."""
    enough = 6 << 30
    try:
        about = os.statvfs("/dev/shm")
        fields = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
        has_room = about.f_bavail * about.f_frsize >= enough and int(fields["MemAvailable"].split()[0]) * 1024 >= enough
    except (OSError, KeyError, ValueError):
        return None
    return "/dev/shm" if has_room and os.access("/dev/shm", os.W_OK) else None


class PostgreSQL:
    """A private server on a unix socket in a directory of its own, with nothing of durability switched off."""

    name = "PostgreSQL"

    def __init__(self, directory):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not programs:
            raise unittest.SkipTest("PostgreSQL's server is not installed: apt-get install postgresql-15")
        self.bin = programs[-1]
        # Short: the socket's path must fit. Outside `directory`, which only its owner may enter.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="windlass-pg-", dir=memory_directory()))
        self.cluster = self.directory / "cluster"
        self.user = "postgres" if os.geteuid() == 0 else None  # its programs refuse to run as root
        self.role = self.user or pwd.getpwuid(os.geteuid()).pw_name
        if self.user:
            shutil.chown(self.directory, self.user, self.user)
        self.run("initdb", "-D", self.cluster, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.process = None
        self.start()
        self.run("createdb", "-h", self.directory, "-U", self.role, "windlass")
        self.url = (
            f"postgresql:///windlass?host={self.directory}&user={self.role}"
        )

    def run(self, program, *arguments):
        command = [str(self.bin / program), *map(str, arguments)]
        # Apart: a server that is being ended tells psql so, beside the rows it still gives.
        done = subprocess.run(command, user=self.user, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", check=False)
        if done.returncode != 0:
            raise AssertionError(f"{program}: {(done.stdout + done.stderr).decode()}")
        return done.stdout.decode()

    def start(self):
        log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen(
            [
                str(self.bin / "postgres"),
                "-D",
                str(self.cluster),
                "-c",
                "listen_addresses=",
                "-c",
                f"unix_socket_directories={self.directory}",
                "-c",
                "shared_buffers=32MB",
            ],
            user=self.user,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
        log.close()
        until(
            lambda: subprocess.run(
                [str(self.bin / "pg_isready"), "-q", "-h", str(self.directory)], check=False
            ).returncode
            == 0,
            "PostgreSQL accepts connections",
        )

    def kill(self):
        """kill -9 of the postmaster and of every process of the server."""
        pids = [self.process.pid, *descendants_of(self.process.pid)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        until(lambda: all(has_ended(pid) for pid in pids), "all of PostgreSQL is gone")
        # What a kill -9 leaves; a restart on the same directory must cope with the rest by itself.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def rows(self, query):
        text = self.run(
            "psql",
            "-h",
            self.directory,
            "-U",
            self.role,
            "-d",
            "windlass",
            "-At",
            "-F",
            "\t",
            "-c",
            query,
        )
        return [
            tuple(int(v) if re.fullmatch(r"-?\d+", v) else v for v in line.split("\t")) for line in text.splitlines()
        ]

    def change(self, statement):
        self.rows(statement)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class OnDatabase:
    """Mix-in: a fresh server for each test class. `make_database` says on which database."""

    make_database = None
    slots = 2
    environment = None  # more WINDLASS_… variables for the daemons

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="windlass-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.database = cls.make_database(cls.directory)
        cls.addClassCleanup(cls.database.close)
        cls.dev = None
        cls.addClassCleanup(lambda: cls.dev and cls.dev.stop())
        cls.start_dev()

    @classmethod
    def start_dev(cls, **more):
        cls.dev = Dev(
            pathlib.Path(cls.directory) / "data",
            database=cls.database.url,
            slots=cls.slots,
            environment=cls.environment,
            **more,
        )
        cls.dev.wait_ready()
        cls.admin = cls.dev.admin()
        return cls.dev

    @classmethod
    def new_user(cls, stem):
        name = f"{stem}{random.randrange(10**9)}"
        anonymous = Client(cls.dev.url)
        made = anonymous.post(
            "/api/users/create/",
            {
                "name": stem.title(),
                "username": name,
                "email": f"{name}@example.org",
                "company": "Example",
                "password": "correct horse battery",
            },
        )
        if made.status != 201:
            raise AssertionError(f"creating {name}: {made}")
        login = anonymous.post("/api/users/authenticate/", {"username": name, "password": "correct horse battery"})
        if login.status != 200:
            raise AssertionError(f"authenticating {name}: {login}")
        client = Client(cls.dev.url, login.json["token"])
        client.username, client.id = name, made.json["id"]
        return client

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before and self.dev:
            print(self.dev.said(), self.dev.logs(), flush=True)


def main():
    unittest.main(verbosity=2, warnings="ignore")
