"""The people of the soak: two tenants who submit, wait, follow, cancel and plan, and write down what they were told.

Every request and its answer is a line in clients.jsonl, written before anybody can know how it ends ("asked") and when it
is known ("answered"). check_from_outside.pl judges the daemons by these lines and by what the jobs wrote, and nothing else.
What is refused or not answered is sent again, with the same Idempotency-Key, as a person's client would.
"""

import base64
import collections
import hashlib
import http.client
import itertools
import json
import os
import random
import socket
import threading
import time
import urllib.parse

import harness

PERL = "/usr/bin/perl code"
FINAL = harness.FINAL


class Journal:
    """Lines of JSON in a file; whole ones, whoever writes at the same time."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, **line):
        os.write(self.file, json.dumps({"at": round(time.monotonic(), 6), **line}).encode() + b"\n")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Person(threading.Thread):
    """One of a tenant's clients: a thread with a name, a connection and chance of its own."""

    def __init__(self, traffic, tenant, role):
        self.name_ = f"{tenant.name}-{role}"
        super().__init__(daemon=True, name=self.name_)
        self.traffic, self.tenant = traffic, tenant
        self.random = random.Random(f"{traffic.seed} {self.name_}")
        self.keys = itertools.count(1)
        self.connection = None

    # ---- requests

    def once(self, method, path, body=None, headers=None, timeout=40):
        if self.connection is None:
            self.connection = UnixConnection(self.random.choice(self.traffic.sockets), timeout)
        send = {"Authorization": f"Bearer {self.tenant.token}", **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            send["Content-Type"] = "application/json"
        try:
            self.connection.request(method, path, body=data, headers=send)
            response = self.connection.getresponse()
            return harness.Answer(response.status, response.headers, response.read())
        except BaseException:
            self.forget_connection()
            raise

    def forget_connection(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def ask(self, method, path, body=None, headers=None, note=None, timeout=40):
        """One try, written down. None: there was no whole answer."""
        asked = round(time.monotonic(), 6)
        try:
            answer = self.once(method, path, body, headers, timeout)
        except (OSError, http.client.HTTPException) as error:
            self.note("answered", asked=asked, method=method, path=path, status=0, error=repr(error), **(note or {}))
            return None
        retry = answer.headers.get("Retry-After")
        self.note("answered", asked=asked, method=method, path=path, status=answer.status, retry_after=retry, **(note or {}))
        foreign = [other.canary for other in self.traffic.tenants if other is not self.tenant]
        if any(canary.encode() in answer.body for canary in foreign):
            self.note("foreign", path=path)
        if answer.status in (503, 429) or answer.status >= 500:
            self.forget_connection()  # perhaps the other api knows better
        return answer

    def insist(self, method, path, body=None, headers=None, note=None, timeout=40):
        """Until it is answered with something else than "not now". None: the run is over."""
        pause = 0.02
        while not self.traffic.gone.is_set():
            answer = self.ask(method, path, body, headers, note, timeout)
            if answer is not None and answer.status < 500 and answer.status not in (409, 429):
                return answer
            self.traffic.gone.wait(pause)
            pause = min(pause * 1.7, 1.0)
        return None

    def note(self, what, **line):
        self.traffic.journal.write(who=self.name_, tenant=self.tenant.name, what=what, **line)

    # ---- what they do

    def job(self, key, word, number=0, **more):
        return {
            "name": key,
            "code": self.traffic.program,
            "data": f"{key} {self.tenant.canary} {word} {number}\n",
            "running_commands": PERL,
            "limits": {"memory_bytes": 64 << 20, "processes": 32, "disk_bytes": 8 << 20, "cpus": 0.5},
            "timeout_s": 60,
            **more,
        }

    def submit(self, kind, jobs, batch=False, op="submit"):
        """Submits until it is acknowledged; returns the ids. `jobs` are already named by their keys."""
        key = jobs[0]["name"]
        self.note("means", key=key, kind=kind, names=[job["name"] for job in jobs], array=jobs[0].get("array", {}).get("count"))
        path, body = ("/api/jobs/submit/batch/", jobs) if batch else ("/api/jobs/submit/", jobs[0])
        answer = self.insist("POST", path, body, {"Idempotency-Key": key}, {"op": op, "key": key})
        if answer is None:
            return []
        if answer.status != 200:
            self.note("surprise", path=path, status=answer.status, text=answer.body[:300].decode(errors="replace"))
            return []
        ids = [one["id"] for one in answer.json] if batch else [answer.json["id"]]
        self.note("acknowledged", key=key, ids=ids, replayed=answer.headers.get("Idempotency-Replayed"))
        return ids

    def new_key(self):
        return f"{self.name_}-{next(self.keys)}"

    def see(self, job, wait=0):
        answer = self.ask("GET", f"/api/jobs/{job}/" + (f"?wait={wait}" if wait else ""), note={"op": "see"})
        if answer is None or answer.status != 200:
            return None
        state = answer.json["status"]
        self.note("saw", id=job, state=state, attempt=answer.json.get("attempt"))
        return state


class Submitter(Person):
    """Sends jobs of all sorts, as long as not too many wait."""

    KINDS = {"plain": 50, "array": 6, "chain": 8, "again": 6, "batch": 8, "cancelled": 12, "spin": 2}

    def run(self):
        while not self.traffic.over.is_set():
            if not self.traffic.room():
                self.traffic.over.wait(0.05)
                continue
            kind = self.random.choices(list(self.KINDS), list(self.KINDS.values()))[0]
            getattr(self, kind)()

    def plain(self):
        ids = self.submit("plain", [self.job(self.new_key(), "sleep", round(self.random.uniform(0, 0.8), 2))])
        if ids and self.random.random() < 0.2:
            self.traffic.watched.append((self.tenant, ids[0]))

    def spin(self):
        self.submit("plain", [self.job(self.new_key(), "spin", 1)])

    def array(self):
        self.submit("array", [self.job(self.new_key(), "sleep", 0.1, array={"count": self.random.randint(2, 6)})])

    def chain(self):
        key = self.new_key()
        first = self.job(key, "sleep", 0.2)
        second = self.job(f"{key}.b", "sleep", 0.1, after=[{"name": key, "when": "ok"}])
        third = self.job(f"{key}.c", "sleep", 0.1, after=[{"name": f"{key}.b", "when": "any"}])
        self.submit("chain", [first, second, third], batch=True)

    def again(self):
        self.submit("again", [self.job(self.new_key(), "again", 2, max_attempts=4, retry_delay_s=0.2)])

    def batch(self):
        key = self.new_key()
        jobs = [self.job(f"{key}.{n}" if n else key, "sleep", 0.05) for n in range(self.random.randint(3, 10))]
        self.submit("plain", jobs, batch=True)

    def cancelled(self):
        ids = self.submit("cancelled", [self.job(self.new_key(), "sleep", round(self.random.uniform(0.2, 20), 2))])
        if ids:
            self.traffic.to_cancel.append((self.tenant, ids[0], time.monotonic() + self.random.uniform(0, 2)))


class Prober(Person):
    """Submits a job of nothing all the time, whatever else waits: so that each fault meets a submit soon."""

    def run(self):
        while not self.traffic.over.wait(0.2):
            job = {"name": self.new_key(), "code": "", "data": "", "running_commands": "/bin/true", "priority": 100}
            self.submit("quick", [job], op="probe")


class Canceller(Person):
    def run(self):
        while not self.traffic.gone.is_set():
            due = [one for one in list(self.traffic.to_cancel) if one[0] is self.tenant and one[2] <= time.monotonic()]
            if not due:
                if self.traffic.over.is_set() and not any(one[0] is self.tenant for one in list(self.traffic.to_cancel)):
                    return
                self.traffic.gone.wait(0.05)
                continue
            for one in due:
                self.traffic.to_cancel.remove(one)
                answer = self.insist("DELETE", f"/api/jobs/{one[1]}/", note={"op": "cancel"})
                if answer is not None and answer.status in (200, 202):
                    self.note("cancel", id=one[1], status=answer.status, state=answer.json.get("status"))


class Watcher(Person):
    """Looks at jobs while they live, by long polls."""

    def run(self):
        mine = []
        while not self.traffic.over.is_set():
            while len(mine) < 4 and self.traffic.watched and self.traffic.watched[0][0] is self.tenant:
                mine.append(self.traffic.watched.popleft()[1])
            if not mine:
                self.traffic.over.wait(0.1)
            for job in list(mine):
                if self.see(job, wait=0.5) in FINAL:
                    mine.remove(job)


class Follower(Person):
    """Follows the events and the output of a job of its own, and comes back with the last id when it breaks off."""

    def run(self):
        while not self.traffic.over.is_set():
            key = self.new_key()
            ids = self.submit("lines", [self.job(key, "lines", self.random.randint(5, 60))])
            for job in ids:
                self.follow(job, "events", "/events/")
                self.follow(job, "log", "/log/?encoding=base64")

    def follow(self, job, what, path):
        last = None
        while not self.traffic.gone.is_set():
            try:
                last, ended = self.stream(job, what, path, last)
                if ended:
                    return
            except (OSError, http.client.HTTPException):
                pass
            self.traffic.gone.wait(0.1)

    def stream(self, job, what, path, last):
        connection = UnixConnection(self.random.choice(self.traffic.sockets), 40)
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.tenant.token}"}
        if last:
            headers["Last-Event-ID"] = last
        try:
            connection.request("GET", f"/api/jobs/{job}{path}", headers=headers)
            answer = connection.getresponse()
            if answer.status == 204:
                return last, True
            if answer.status != 200:
                self.note(
                    "answered", asked=0, method="GET", path=path, status=answer.status, op="follow",
                    retry_after=answer.headers.get("Retry-After"),
                )
                return last, False
            event = {}
            while line := answer.readline():
                if not line.endswith(b"\n"):
                    break  # cut off in the middle: not said
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field:
                    event[field] = value
                    continue
                if "event" not in event:  # a sign of life, or how long to wait before coming back
                    event = {}
                    continue
                last = event.get("id", last)
                self.note("followed", of=what, id=job, event=event.get("event"), position=last, data=json.loads(event.get("data", "{}")))
                if event.get("event") == "end":
                    return last, True
                event = {}
            return last, False
        finally:
            connection.close()


class Tenant:
    def __init__(self, name, seed):
        self.name = name
        self.canary = "mark" + hashlib.sha256(f"{name} {seed}".encode()).hexdigest()[:20]
        self.token = None


class Traffic:
    AHEAD = 60  # jobs accepted and not yet ended, at most, beyond bursts

    def __init__(self, site, seed, directory):
        self.site, self.seed = site, seed
        self.journal = Journal(directory / "clients.jsonl")
        self.program = (harness.pathlib.Path(__file__).parent / "job.pl").read_text()
        self.sockets = [f"{site.directory}/{name}.http" for name in ("api-1", "api-2")]
        self.tenants = [Tenant("ada", seed), Tenant("bob", seed)]
        self.over = threading.Event()  # no new jobs
        self.gone = threading.Event()  # nobody asks anything any more
        self.watched, self.to_cancel = collections.deque(maxlen=200), []
        self.active, self.active_at = 0, 0.0
        self.lock = threading.Lock()
        self.people = []

    def start(self):
        token = self.site.admin_token()
        operator = Tenant("operator", self.seed)
        operator.token = token
        self.admin = Person(self, operator, "admin")
        for tenant in self.tenants:
            made = self.admin.insist(
                "POST",
                "/api/users/create/",
                {"name": tenant.name, "username": tenant.name, "email": f"{tenant.name}@example.org", "company": "Soak",
                 "password": "correct horse battery"},
            )
            assert made.status == 201, made
            login = self.admin.insist("POST", "/api/users/authenticate/", {"username": tenant.name, "password": "correct horse battery"})
            tenant.token = login.json["token"]
            person = Person(self, tenant, "first")
            made = person.insist("POST", "/api/tokens/", {"label": "soak"})
            assert made.status == 201, made
            tenant.token = made.json["token"]
            self.plan_schedules(person)
        for tenant in self.tenants:
            self.people += [Submitter(self, tenant, "one"), Submitter(self, tenant, "two"), Canceller(self, tenant, "cancels"), Prober(self, tenant, "probes"),
                            Watcher(self, tenant, "watches"), Follower(self, tenant, "follows")]
        for person in self.people:
            person.start()

    def plan_schedules(self, person):
        for missed in ("skip", "once", "all"):
            job = person.job(f"every-minute-{missed}", "sleep", 0.1)
            body = {"name": f"minute-{missed}", "cron": "* * * * *", "missed": missed, "overlap": "queue", "job": job}
            made = person.insist("POST", "/api/schedules/", body, {"Idempotency-Key": f"schedule-{missed}"})
            assert made.status == 201, made

    def end_schedules(self):
        for tenant in self.tenants:
            person = Person(self, tenant, "last")
            for one in person.insist("GET", "/api/schedules/").json:
                person.insist("DELETE", f"/api/schedules/{one['id']}/")

    def room(self):
        with self.lock:
            if time.monotonic() - self.active_at > 0.25:
                rows = self.site.database.try_rows("select count(*) from job_state where state < 4")
                if rows is not None:
                    self.active = rows[0][0]
                self.active_at = time.monotonic()
            self.active += 1  # what is about to be sent
            return self.active < self.AHEAD

    # ---- what faults ask for

    def burst(self, seconds, chance):
        """Many more submits than can be served, from many clients at once."""
        end = time.monotonic() + seconds
        people = []
        for number in range(12):
            tenant = self.tenants[number % 2]
            person = Person(self, tenant, f"burst{chance}-{number}")
            person.run = lambda person=person: self.flood(person, end)
            people.append(person)
        for person in people:
            person.start()
        for person in people:
            person.join()

    def flood(self, person, end):
        sent = 0
        while time.monotonic() < end and sent < 8 and not self.over.is_set():
            key = person.new_key()
            jobs = [{"name": f"{key}.{n}" if n else key, "code": "", "data": "", "running_commands": "/bin/true"} for n in range(20)]
            person.submit("quick", jobs, batch=True)
            sent += 1

    def hostile(self, words):
        tenant = self.tenants[0]
        person = Person(self, tenant, f"hostile{len(self.people)}")
        self.people.append(person)
        for word in words:
            more = {"timeout_s": 8}
            if word == "deaf":
                more = {"timeout_s": 1}
            person.submit(f"hostile {word}", [person.job(person.new_key(), word, 20, **more)])

    # ---- the end

    def stop_new_ones(self):
        self.over.set()

    def wait_quiet(self, patience):
        """Every job of everybody has ended, and everybody has heard what they wanted to hear (I11)."""
        def quiet():
            rows = self.site.database.try_rows("select count(*) from job_state where state < 4")
            return rows is not None and rows[0][0] == 0 and not any(one.is_alive() for one in self.people if one.ident)

        harness.until(quiet, "every job has ended", patience)

    def last_look(self):
        """Each tenant reads everything it has, once; what it is told is what counts."""
        for tenant in self.tenants:
            person = Person(self, tenant, "looks")
            listed = person.insist("GET", "/api/jobs/?details=true", timeout=300).json
            arrays = []
            for one in listed:
                person.note("listed", id=one["id"], state=one["status"], name=one.get("name"))
                if one.get("array"):
                    arrays.append(one["id"])
            for one in person.insist("GET", "/api/results/", timeout=300).json:
                self.note_result(person, one)
            for array in arrays:
                for member in person.insist("GET", f"/api/jobs/{array}/members/").json:
                    person.note("member", of=array, id=member["id"], index=member["index"], state=member["status"])
                    self.note_result(person, person.insist("GET", f"/api/results/{member['id']}/").json)
            sample = [one["id"] for one in listed if one["status"] == "succeeded" and not one.get("array")]
            for job in person.random.sample(sample, min(len(sample), 60)):
                answer = person.insist("GET", f"/api/results/{job}/files/left")
                if answer.status == 200:
                    person.note("file", id=job, sha256=hashlib.sha256(answer.body).hexdigest())
        self.gone.set()

    def note_result(self, person, one):
        results = one["results"]
        files = {file["path"]: file["sha256"] for file in results.get("files", [])}
        person.note("result", id=one["id"], outcome=results.get("outcome"), exit_code=results.get("exit_code"),
                    stdout=(results.get("stdout") or "")[-400:], sha256=files.get("left"))
